#include "source/turn/transaction_ids.h"

#include <doctest/doctest.h>

#include <set>

namespace sluice::turn {
namespace {

TEST_CASE("TransactionIds: all ids of all generators differ") {
  std::set<stun::TransactionId> ids;
  for (int generator = 0; generator < 10; ++generator) {
    TransactionIds generated;
    for (int i = 0; i < 1000; ++i) ids.insert(generated.next());
  }
  CHECK(ids.size() == 10'000);
}

}  // namespace
}  // namespace sluice::turn
