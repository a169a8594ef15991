#include "source/base/result.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

Result<int> parsePositive(int value) {
  if (value <= 0) return Error{"rate_bps", "must be > 0"};
  return value;
}

TEST_CASE("a result is a value or its errors") {
  CHECK(*parsePositive(3) == 3);
  const auto failed = parsePositive(0);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().toString() == "rate_bps: must be > 0");
  CHECK(toString(failed.errors()) == "rate_bps: must be > 0");
}

}  // namespace
}  // namespace sluice
