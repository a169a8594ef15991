#include "source/chain/room_audibility.h"

#include <doctest/doctest.h>

#include <memory>

#include "test/support/harness.h"

namespace sluice {
namespace {

using namespace test;

constexpr uint32_t kRoom = 7;

audibility::SnapshotPtr version(uint64_t number) {
  audibility::Snapshot snapshot;
  snapshot.version = number;
  return std::make_shared<const audibility::Snapshot>(snapshot);
}

struct Fixture {
  ManualClock clock;
  FakeWorker worker{clock};
  chain::RoomAudibility& rooms = worker.local<chain::RoomAudibility>();
  int receiver = 0;
};

TEST_CASE("a room that ends keeps its rules until its last receiver is removed") {
  Fixture f;
  f.rooms.update(kRoom, version(3));
  audibility::Hearers& hearers = f.rooms.of(kRoom);
  for (const uint32_t number : {1, 2}) hearers.addReceiver(number, &f.receiver);
  f.rooms.forget(kRoom);
  CHECK(hearers.version() == 3);
  hearers.removeReceiver(1);
  f.rooms.release(kRoom);
  CHECK(&f.rooms.of(kRoom) == &hearers);
  CHECK(hearers.version() == 3);
  hearers.removeReceiver(2);
  f.rooms.release(kRoom);
  CHECK(f.rooms.size() == 0);
}

TEST_CASE("a room without receivers ends at once") {
  Fixture f;
  f.rooms.update(kRoom, version(3));
  f.rooms.forget(kRoom);
  f.rooms.forget(kRoom);
  CHECK(f.rooms.size() == 0);
}

TEST_CASE("a room that loses its last receiver keeps its rules, if it has any") {
  Fixture f;
  for (const bool has_rules : {false, true}) {
    CAPTURE(has_rules);
    f.rooms.of(kRoom).addReceiver(1, &f.receiver);
    if (has_rules) f.rooms.update(kRoom, version(3));
    f.rooms.of(kRoom).removeReceiver(1);
    f.rooms.release(kRoom);
    CHECK(f.rooms.size() == (has_rules ? 1 : 0));
  }
  f.rooms.release(kRoom + 1);
  f.rooms.forget(kRoom + 1);
  CHECK(f.rooms.size() == 1);
}

}  // namespace
}  // namespace sluice
