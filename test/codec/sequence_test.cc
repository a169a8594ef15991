#include "source/codec/sequence.h"

#include <doctest/doctest.h>

namespace sluice::rtp {
namespace {

TEST_CASE("distance: sequence numbers wrap around") {
  CHECK(sequenceDistance(65535, 2) == 3);
  CHECK(sequenceDistance(2, 65535) == -3);
  CHECK(sequenceDistance(7, 7) == 0);
}

TEST_CASE("Unroller: sequence numbers are extended, late ones too") {
  SequenceExtender extender;
  CHECK(extender.empty());
  const int64_t first = extender.extend(65534);
  CHECK(extender.extend(1) == first + 3);
  CHECK(extender.extend(65535) == first + 1);
  CHECK(extender.highest() == first + 3);
  SequenceExtender early;
  CHECK(early.extend(3) - early.extend(65533) == 6);
  CHECK(early.extend(65533) > 0);
}

}  // namespace
}  // namespace sluice::rtp
