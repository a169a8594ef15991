#include "source/rooms/receiver_loss.h"

#include <doctest/doctest.h>

namespace sluice::rooms {
namespace {

TEST_CASE("ReceiverLoss: the percentile excludes the receiver itself, which counts once in the room") {
  LossHistogram room;
  ReceiverLoss alice(room), bob(room);
  CHECK(alice.ofOthers(75) == 0);
  alice.set(0.3);
  alice.set(0.1);
  CHECK(alice.ofOthers(75) == 0);
  CHECK(bob.ofOthers(75) == 0.1);
  CHECK(room.percentile(100) == 0.1);
  bob.set(0.5);
  CHECK(alice.ofOthers(75) == 0.5);
  bob.clear();
  CHECK(alice.ofOthers(75) == 0);
  CHECK(room.percentile(100) == 0.1);
}

TEST_CASE("a receiver that is destroyed no longer counts in the room") {
  LossHistogram room;
  {
    ReceiverLoss alice(room);
    alice.set(0.4);
    CHECK(room.percentile(100) == 0.4);
  }
  CHECK(room.percentile(100) == 0);
}

}  // namespace
}  // namespace sluice::rooms
