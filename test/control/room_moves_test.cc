// RoomStates::move(): positions of a feed.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "source/audibility/position_update.h"
#include "source/control/room_states.h"
#include "test/control/control_fixture.h"

namespace sluice::control {
namespace {

using audibility::PlayerMove;
using audibility::PositionOutcome;
using audibility::Vector3;

constexpr uint64_t kSource = 17;

struct Fixture : test::ControlFixture {
  Fixture() {
    configure({{"lobby", "rules { proximity { audible_distance: 10 } }"}});
    join("ann");
    join("ben");
  }
  PositionOutcome move(uint64_t sequence, const std::vector<PlayerMove>& players, uint64_t source = kSource) {
    return states.move({.room = "lobby", .source = source, .sequence = sequence, .players = players});
  }
  Vector3 positionOf(const std::string& id) {
    const uint32_t number = directory.find("lobby", id)->number;
    const audibility::SnapshotPtr now = snapshot(id);
    return now->players[now->find(number)].position;
  }
};

PlayerMove at(std::string_view player, float x) {
  return {.player = player, .position = Vector3{x, 0, 0}};
}

TEST_CASE("RoomStates: moves take effect with the next publication, several of them as one") {
  Fixture f;
  const uint64_t before = f.snapshot("ann")->version;
  CHECK(f.move(1, {at("ben", 5)}).moved == 1);
  CHECK(f.move(2, {at("ann", 30), at("ben", 50)}).moved == 2);
  CHECK(f.snapshot("ann")->version == before);
  CHECK(f.reason("ann", "ben") == "out_of_range");
  f.states.publishMoves();
  const uint64_t published = f.snapshot("ann")->version;
  CHECK(published > before);
  CHECK(f.positionOf("ben") == Vector3{50, 0, 0});
  f.states.publishMoves();  // the fake sink refuses a version that is not new
  CHECK(f.move(3, {at("ann", 45)}).moved == 1);
  CHECK(f.update(R"(players { player: "ben" team: "red" })") == "");
  f.states.publishMoves();  // the update has published them
  CHECK(f.reason("ann", "ben") == "in_range");
}

TEST_CASE("RoomStates: an earlier update of the same sender moves only players whom no later one has moved") {
  Fixture f;
  CHECK(f.move(10, {at("ann", 1)}).moved == 1);
  const PositionOutcome earlier = f.move(9, {at("ann", 2), at("ben", 2)});
  CHECK(earlier.moved == 1);
  CHECK(earlier.outdated == 1);
  CHECK(f.move(9, {at("ben", 3)}).outdated == 1);
  f.states.publishMoves();
  CHECK(f.positionOf("ann") == Vector3{1, 0, 0});
  CHECK(f.positionOf("ben") == Vector3{2, 0, 0});
  CHECK(f.move(3, {at("ann", 4)}, kSource + 1).moved == 1);
}

TEST_CASE("RoomStates: of two records of one player in an update the first one counts") {
  Fixture f;
  const PositionOutcome outcome = f.move(1, {at("ann", 1), at("ann", 2), at("ann", 3)});
  CHECK(outcome.moved == 1);
  CHECK(outcome.outdated == 2);
  f.states.publishMoves();
  CHECK(f.positionOf("ann") == Vector3{1, 0, 0});
}

TEST_CASE("RoomStates: unknown rooms and players are counted and begin no state") {
  Fixture f;
  CHECK_FALSE(f.states.move({.room = "nowhere", .source = 1, .sequence = 1}).has_room);
  const PositionOutcome outcome = f.move(1, {at("eve", 1), at("ann", 1)});
  CHECK(outcome.has_room);
  CHECK(outcome.unknown == 1);
  CHECK(outcome.moved == 1);
  REQUIRE(f.directory.join("other", "zoe", {}).ok());
  const std::vector<PlayerMove> unknown{at("eve", 1)}, known{at("zoe", 1)};
  CHECK(f.states.move({.room = "other", .source = 1, .sequence = 2, .players = unknown}).unknown == 1);
  CHECK(f.states.version("other") == 0);
  CHECK(f.states.move({.room = "other", .source = 1, .sequence = 3, .players = known}).moved == 1);
  CHECK(f.states.version("other") > 0);
}

TEST_CASE("RoomStates: a move keeps what it does not contain") {
  Fixture f;
  f.move(1, {{.player = "ann", .position = Vector3{1, 2, 3}, .forward = Vector3{1, 0, 0}}});
  f.move(2, {{.player = "ann", .up = Vector3{0, 0, 5}}});
  f.states.publishMoves();
  const audibility::SnapshotPtr now = f.snapshot("ann");
  const audibility::PlayerState& ann = now->players[now->find(f.directory.find("lobby", "ann")->number)];
  CHECK(ann.position == Vector3{1, 2, 3});
  CHECK(ann.forward == Vector3{1, 0, 0});
  CHECK(ann.up == Vector3{0, 0, 1});
}

TEST_CASE("RoomStates: the last numbers follow a player who rejoins and end with one who leaves") {
  Fixture f;
  f.move(10, {at("ann", 1), at("ben", 1)});
  f.join("ann");
  CHECK(f.move(9, {at("ann", 2)}).outdated == 1);
  f.leave("ben");
  f.join("ben");
  CHECK(f.move(9, {at("ben", 2)}).moved == 1);
  f.leave("ann");
  f.leave("ben");
  f.states.publishMoves();  // of a room that has ended
  CHECK_FALSE(f.move(11, {at("ann", 1)}).has_room);
}

TEST_CASE("RoomStates: another process continues with the last numbers") {
  Fixture f;
  f.move(10, {at("ann", 7)});
  Descriptors none;
  Archive out(none);
  f.directory.archive(out);
  f.states.archive(out);
  const std::string bytes = out.takeBytes();
  test::ControlFixture next;
  Archive in(asBytes(bytes), none);
  next.directory.archive(in);
  next.states.archive(in);
  REQUIRE(in.ok());
  const std::vector<PlayerMove> players{at("ann", 8), at("ben", 8)};
  const PositionOutcome outcome =
      next.states.move({.room = "lobby", .source = kSource, .sequence = 9, .players = players});
  CHECK(outcome.outdated == 1);
  CHECK(outcome.moved == 1);
  CHECK(next.reason("ann", "ben") != "out_of_range");
}

}  // namespace
}  // namespace sluice::control
