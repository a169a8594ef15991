#include "source/audibility/room_state.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "test/audibility/room_builder.h"

namespace sluice::audibility::test {
namespace {

std::string errorsOf(RoomState& state, Batch batch) {
  const auto applied = state.apply(batch, kNow);
  return applied ? "" : toString(applied.errors());
}

Batch with(PlayerUpdate update) {
  Batch batch;
  batch.players.push_back(std::move(update));
  return batch;
}

TEST_CASE("RoomState: a wrong field is named and nothing is applied") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  struct {
    PlayerUpdate update;
    const char* error;
  } const cases[] = {
      {{.number = 9}, "players[1].number: 9 is not in the room"},
      {{.number = 0}, "players[1].number: 0 is not in the room"},
      {{.number = 1}, "players[1].number: is in the batch twice"},
      {{.number = 2, .position = Vector3{kNan, 0, 0}}, "players[1].position.x: must be -1e7 to 1e7"},
      {{.number = 2, .position = Vector3{0, -kInfinity, 0}}, "players[1].position.y: must be -1e7 to 1e7"},
      {{.number = 2, .position = Vector3{0, 0, 1.1e7F}}, "players[1].position.z: must be -1e7 to 1e7"},
      {{.number = 2, .forward = Vector3{0, 0, 0}}, "players[1].forward: must be finite and not 0"},
      {{.number = 2, .up = Vector3{0, kNan, 0}}, "players[1].up: must be finite and not 0"},
      {{.number = 2, .vocal_range = VocalRange{Voice::kDistance, -1}},
       "players[1].vocal_range.distance: must be 0 to 1e7"},
      {{.number = 2, .receive_range = kNan}, "players[1].receive_range: must be at least 0"},
      {{.number = 2, .blocks = std::vector<uint32_t>(10'000, 1)},
       "players[1].blocks: has 10000 elements; at most 1000 are allowed"},
      {{.number = 2, .channels = std::vector<ChannelUpdate>(17)},
       "players[1].channels: has 17 elements; at most 16 are allowed"},
      {{.number = 2, .channels = std::vector<ChannelUpdate>{{.name = "a"}, {.name = "a"}}},
       "players[1].channels[1].name: is also the name of another element"},
      {{.number = 2, .channels = std::vector<ChannelUpdate>{{.name = "a", .gain = 2}}},
       "players[1].channels[0].gain: must be 0 to 1"},
      {{.number = 2, .channels = std::vector<ChannelUpdate>{{.name = ""}}},
       "players[1].channels[0].name: is empty"},
      {{.number = 2, .tags = std::vector<std::string>{""}}, "players[1].tags[0]: is empty"},
      {{.number = 2, .world = std::string(129, 'w')}, "players[1].world: is longer than 128 bytes"},
  };
  for (const auto& c : cases) {
    Room room;
    room.at(1, 0);
    room.at(2, 0);
    const SnapshotPtr before = room.state.publish(kNow);
    Batch batch = with({.number = 1, .position = Vector3{5, 5, 5}});
    batch.players.push_back(c.update);
    CHECK(errorsOf(room.state, batch) == c.error);
    CHECK(room.state.version() == before->version);
    CHECK(room.state.publish(kNow) == before);
    CHECK(room.state.find(1)->position == Vector3{});
  }
}

TEST_CASE("RoomState: errors of overrides name the field") {
  Room room;
  room.at(1, 0);
  room.at(2, 0);
  Batch batch;
  batch.overrides = {{.speaker = 1, .receiver = 2, .gain = 2},
                     {.speaker = 1, .receiver = 3, .low_pass_hz = -1}};
  CHECK(errorsOf(room.state, batch) ==
        "overrides[0].gain: must be 0 to 1\noverrides[1].receiver: is not in the room\n"
        "overrides[1].low_pass_hz: must be 0 to 24000");
}

TEST_CASE("RoomState: a batch that expects a stale version is refused") {
  Room room;
  room.at(1, 0);
  const uint64_t version = room.state.version();
  Batch batch = with({.number = 1, .team = "red"});
  batch.expected_version = version;
  CHECK(*room.state.apply(batch, kNow) == version + 1);
  CHECK(errorsOf(room.state, batch) == "expected_version: is 4, but the room is at version 5");
  CHECK(room.state.setRules({}, version).error().path == "expected_version");
}

TEST_CASE("RoomState: many errors are cut short and oversized batches refused") {
  Room room;
  for (uint32_t number = 1; number <= 50; ++number) room.at(number, 0);
  Batch batch;
  for (uint32_t number = 51; number <= 100; ++number) batch.players.push_back({.number = number});
  const auto applied = room.state.apply(batch, kNow);
  CHECK(applied.errors().size() == 21);
  batch.players.push_back({.number = 1});
  CHECK(errorsOf(room.state, batch) == "players: has 51 elements; at most 50 are allowed");
}

TEST_CASE("RoomState: a snapshot that changes nothing is the one before, and shares unchanged parts") {
  Room room({proximity(10)});
  room.at(1, 0);
  room.set({.number = 1, .team = "red"});
  const SnapshotPtr first = room.state.publish(kNow);
  CHECK(room.state.publish(kNow) == first);
  const Movement movement{.number = 1, .position = {1, 2, 3}};
  REQUIRE(room.state.move({&movement, 1}).ok());
  const SnapshotPtr second = room.state.publish(kNow);
  CHECK(second->version == first->version + 1);
  CHECK(second->players[0].position == Vector3{1, 2, 3});
  CHECK(first->players[0].position == Vector3{});
  CHECK(second->grid != first->grid);
  CHECK(second->teams == first->teams);
  CHECK(second->details == first->details);
  CHECK(second->indices == first->indices);
  room.set({.number = 1, .priority = uint8_t{7}});
  CHECK(room.state.publish(kNow)->grid == second->grid);
}

TEST_CASE("RoomState: a wrong movement moves no player") {
  Room room;
  room.at(1, 0);
  room.at(2, 0);
  const Movement movements[] = {{.number = 1, .position = {1, 0, 0}},
                                {.number = 2, .position = {2e7F, 0, 0}}};
  CHECK(toString(room.state.move(movements).errors()) == "players[1].position.x: must be -1e7 to 1e7");
  CHECK(room.state.find(1)->position == Vector3{});
  const Movement unknown{.number = 3, .position = {}};
  CHECK(toString(room.state.move({&unknown, 1}).errors()) == "players[0].number: 3 is not in the room");
}

TEST_CASE("RoomState: directions become unit vectors") {
  Room room;
  room.set({.number = 1, .forward = Vector3{0, 0, 4}, .up = Vector3{0, 3, 0}});
  CHECK(room.state.find(1)->forward == Vector3{0, 0, 1});
  CHECK(room.state.find(1)->up == Vector3{0, 1, 0});
}

TEST_CASE("RoomState: removing a player removes its overrides, and the others keep their states") {
  Room room;
  for (const uint32_t number : {1U, 2U, 3U})
    room.set({.number = number, .priority = static_cast<uint8_t>(number)});
  room.set(PairOverride{.speaker = 3, .receiver = 1, .force = Force::kOff});
  room.set(PairOverride{.speaker = 3, .receiver = 2, .force = Force::kOff});
  CHECK(room.state.remove(1));
  CHECK_FALSE(room.state.remove(1));
  CHECK(int{room.state.find(3)->priority} == 3);
  CHECK(room.state.publish(kNow)->overrides->size() == 1);
  CHECK(room.why(3, 2) == Reason::kForcedOff);
  CHECK(room.state.add(2).error().message == "is in the room already");
  CHECK(room.state.add(0).error().message == "must not be 0");
}

TEST_CASE("RoomState: overrides are limited, and ended ones do not count") {
  RoomState state({.players = 3, .overrides = 1});
  for (const uint32_t number : {1U, 2U, 3U}) REQUIRE(state.add(number).ok());
  CHECK(state.add(4).error().message == "exceeds the limit of players per room");
  Batch batch;
  batch.overrides = {{.speaker = 1, .receiver = 2, .force = Force::kOn, .end = kNow + 1s}};
  REQUIRE(state.apply(batch, kNow).ok());
  REQUIRE(state.apply(batch, kNow).ok());
  batch.overrides[0].receiver = 3;
  CHECK(errorsOf(state, batch) == "overrides: has 2 elements; at most 1 are allowed");
  CHECK(state.apply(batch, kNow + 1s).ok());
}

TEST_CASE("RoomState: unused names and tags free their places for new ones") {
  Room room;
  room.at(1, 0);
  room.set({.number = 2, .world = "home", .team = "red"});
  for (int i = 0; i < 70'000; ++i) {
    REQUIRE(room.state.apply(with({.number = 1, .world = "world" + std::to_string(i)}), kNow).ok());
  }
  CHECK(room.state.names().text(room.state.find(1)->world) == "world69999");
  CHECK(room.state.names().text(room.state.find(2)->world) == "home");
  for (int i = 0; i < 200; ++i) {
    room.set({.number = 1, .tags = std::vector<std::string>{"tag" + std::to_string(i)}});
  }
  CHECK(room.state.tags().texts(room.state.find(1)->tags) == std::vector<std::string>{"tag199"});
}

TEST_CASE("RoomState: tags of rules that no player has are warnings") {
  Rule deny = rule(RuleKind::kDeny);
  deny.speaker.tags = {"ded"};
  Room room({deny, rule(RuleKind::kEveryone)});
  room.set({.number = 1, .tags = std::vector<std::string>{"dead"}});
  CHECK(toString(room.state.warnings()) ==
        "rules[0].speaker.tags[0]: no player has the tag \"ded\"; did you mean dead?");
  room.set({.number = 1, .tags = std::vector<std::string>{"ded"}});
  CHECK(room.state.warnings().empty());
}

TEST_CASE("RoomState: refused rules leave the rules as they are") {
  Room room({proximity(10)});
  const uint64_t version = room.state.version();
  CHECK_FALSE(room.state.setRules({.rules = {proximity(10, 20)}}).ok());
  CHECK(room.state.version() == version);
  CHECK(room.state.rules().range() == 10);
}

TEST_CASE("RoomState: a renumbered player keeps its state, its overrides and the blocks against it") {
  Room room({proximity(10)});
  room.set({.number = 1, .position = Vector3{1, 0, 0}});
  room.set({.number = 2, .blocks = std::vector<uint32_t>{1}});
  room.set({.number = 3});
  room.set(PairOverride{.speaker = 3, .receiver = 1, .force = Force::kOff});
  CHECK(room.why(3, 1) == Reason::kForcedOff);
  REQUIRE(room.state.renumber(1, 9));
  CHECK(room.state.find(1) == nullptr);
  REQUIRE(room.state.find(9) != nullptr);
  CHECK(room.state.find(9)->position.x == 1);
  CHECK(room.why(9, 2) == Reason::kBlocked);
  CHECK(room.why(2, 9) == Reason::kBlocked);
  CHECK(room.why(3, 9) == Reason::kForcedOff);
  CHECK(room.why(9, 3) == Reason::kInRange);
  const uint64_t version = room.state.version();
  CHECK_FALSE(room.state.renumber(1, 10));  // it is not in the room
  CHECK_FALSE(room.state.renumber(9, 3));   // 3 is another player
  CHECK(room.state.version() == version);
}

TEST_CASE("RoomState: an archive restores players, names and overrides") {
  Rule deny = rule(RuleKind::kDeny);
  deny.speaker.tags = {"dead"};
  deny.receiver.without_tags = {"dead"};
  const std::vector<Rule> rules = {deny, rule(RuleKind::kChannels), proximity(10)};
  Room room(rules);
  room.set({.number = 1, .position = Vector3{1, 2, 3}, .tags = std::vector<std::string>{"spy", "dead"}});
  room.set({.number = 2,
            .world = "moon",
            .channels = std::vector<ChannelUpdate>{{.name = "air", .talk = true}},
            .blocks = std::vector<uint32_t>{7}});
  room.set({.number = 3, .world = "moon", .channels = std::vector<ChannelUpdate>{{.name = "air"}}});
  room.set(PairOverride{.speaker = 1, .receiver = 2, .force = Force::kOff});
  Descriptors descriptors;
  Archive writing(descriptors);
  room.state.archive(writing);
  const std::string bytes = writing.takeBytes();

  Room other(rules);
  Archive reading(asBytes(bytes), descriptors);
  other.state.archive(reading);
  CHECK(reading.ok());
  CHECK(reading.atEnd());
  CHECK(other.state.version() >= room.state.version());
  for (uint32_t speaker = 1; speaker <= 3; ++speaker) {
    for (uint32_t receiver = 1; receiver <= 3; ++receiver) {
      CHECK(other.why(speaker, receiver) == room.why(speaker, receiver));
    }
  }
  CHECK(other.why(2, 3) == Reason::kChannel);
  CHECK(other.state.tags().texts(other.state.find(1)->tags) == std::vector<std::string>{"dead", "spy"});

  for (size_t size = 0; size < bytes.size(); ++size) {
    RoomState cut;
    Archive damaged(asBytes(bytes).first(size), descriptors);
    cut.archive(damaged);
    CHECK_FALSE(damaged.ok());
    cut.publish(kNow);
  }
}

}  // namespace
}  // namespace sluice::audibility::test
