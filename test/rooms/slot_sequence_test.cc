#include "source/rooms/slot_sequence.h"

#include <doctest/doctest.h>

namespace sluice::rooms {
namespace {

TEST_CASE("the router takes all numbers that were reserved, once") {
  SlotSequence sequence;
  CHECK(sequence.takeReserved() == 0);
  sequence.reserve(3);
  sequence.reserve(4);
  CHECK(sequence.takeReserved() == 7);
  CHECK(sequence.takeReserved() == 0);
}

TEST_CASE("the numbers of retransmissions continue when another filter begins them") {
  SlotSequence sequence;
  sequence.beginRtx(65'535);
  CHECK(sequence.nextRtx() == 65'535);
  CHECK(sequence.nextRtx() == 0);
  sequence.beginRtx(500);
  CHECK(sequence.nextRtx() == 1);
}

}  // namespace
}  // namespace sluice::rooms
