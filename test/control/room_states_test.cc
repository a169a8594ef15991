#include "source/control/room_states.h"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <string>

#include "test/control/control_fixture.h"

namespace sluice::control {
namespace {

using test::ControlFixture;

TEST_CASE("RoomStates: a room without rules has no state until the game changes it") {
  ControlFixture f;
  f.join("ann");
  CHECK(f.states.version("lobby") == 0);
  CHECK(f.sink.last.empty());
  CHECK(f.reason("ann", "ben") == "listener: is not in the room");
  f.join("ben");
  CHECK(f.reason("ann", "ben") == "everyone");
  CHECK(f.update(R"(players { player: "ann" mute { muted: true } })") == "");
  CHECK(f.states.version("lobby") > 0);
  CHECK(f.reason("ann", "ben") == "muted");
  CHECK(f.reason("ben", "ann") == "everyone");
  CHECK(f.snapshot("ann")->selection.max_speakers == 20);
}

TEST_CASE(
    "RoomStates: configured rules apply from the first player on, and the first entry that matches wins") {
  ControlFixture f;
  f.configure(
      {{"lob*", R"(rules { proximity { audible_distance: 10 } })"}, {"lobby", R"(rules { same_team {} })"}});
  f.join("ann");
  f.join("ben");
  CHECK(f.update(R"(players { player: "ben" position { x: 9 } })") == "");
  CHECK(f.reason("ann", "ben") == "in_range");
  CHECK(f.update(R"(players { player: "ben" position { x: 30 } })") == "");
  CHECK(f.reason("ann", "ben") == "out_of_range");
}

TEST_CASE("RoomStates: a reload changes the rules of live rooms, but not those that the game has set") {
  ControlFixture f;
  f.join("ann");
  f.join("ben");
  f.configure({{"lobby", R"(rules { same_team {} })"}});
  CHECK(f.reason("ann", "ben") == "other_team");
  f.configure({});
  CHECK(f.reason("ann", "ben") == "everyone");
  CHECK(f.setRules(R"(audibility { rules { deny {} } })") == "");
  CHECK(f.reason("ann", "ben") == "denied");
  f.configure({{"lobby", R"(rules { same_team {} })"}});
  CHECK(f.reason("ann", "ben") == "denied");
  CHECK(f.states.rules("lobby")->set_by_api());
}

TEST_CASE("RoomStates: refused changes name their field and change nothing") {
  ControlFixture f;
  f.join("ann");
  f.join("ben");
  REQUIRE(f.update(R"(players { player: "ann" team: "red" })") == "");
  const uint64_t version = f.states.version("lobby");
  struct Case {
    const char* request;
    const char* error;
  };
  const Case cases[] = {
      {R"(players { player: "eve" })", "players[0].player: is not in the room"},
      {R"(players { team: "blue" })", "players[0].player: is required"},
      {R"(players { player: "ann" team: "blue" } players { player: "eve" })",
       "players[1].player: is not in the room"},
      {R"(players { player: "ann" position { x: inf } })", "players[0].position.x: must be -1e7 to 1e7"},
      {R"(players { player: "ann" priority: 256 })", "players[0].priority: must be 0 to 255"},
      {R"(players { player: "ann" } players { player: "ann" })", "players[1].player: is in the batch twice"},
      {R"(overrides { speaker: "ann" receiver: "eve" })", "overrides[0].receiver: is not in the room"},
      {R"(overrides { speaker: "ann" receiver: "ben" gain: 2 })", "overrides[0].gain: must be 0 to 1"},
      {R"(expected_version: 1)", "expected_version: is 1, but the room is at version"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.request);
    CHECK(f.update(c.request).substr(0, std::string(c.error).size()) == c.error);
  }
  CHECK(f.setRules(R"(audibility { rules { proximity { audible_distance: 5 hysteresis: 5 } } })") ==
        "audibility.rules[0].proximity.hysteresis: must be 0 to less than audible_distance");
  CHECK(f.setRules("expected_version: 1").starts_with("expected_version: "));
  CHECK(f.states.version("lobby") == version);
  CHECK(toString(f.states.update("nowhere", {}).errors()).starts_with("room: there is no such room"));
  CHECK(toString(f.states.setRules("nowhere", {}).errors()).starts_with("room: there is no such room"));
  CHECK(f.states.version("nowhere") == 0);
}

TEST_CASE("RoomStates: a refused request does not begin a state") {
  ControlFixture f;
  f.join("ann");
  CHECK(f.update(R"(players { player: "eve" })") != "");
  CHECK(f.setRules("") == "audibility: is required; {} lets every player hear every other");
  CHECK(f.setRules(R"(audibility { rules {} })") != "");
  CHECK(f.states.version("lobby") == 0);
  CHECK(f.sink.last.empty());
  CHECK(f.update(R"(expected_version: 1 players { player: "ann" })").starts_with("expected_version: "));
  CHECK(f.update(R"(expected_version: 0 players { player: "ann" })") == "");
  CHECK(f.states.version("lobby") > 0);
}

TEST_CASE("RoomStates: another version is the only error, whatever else is wrong") {
  ControlFixture f;
  f.join("ann");
  f.join("ben");
  REQUIRE(f.update("") == "");
  const std::string at = "expected_version: " + std::to_string(f.states.version("lobby"));
  f.leave("ben");
  CHECK(f.update(at + R"( players { player: "ben" })").starts_with("expected_version: "));
}

TEST_CASE("RoomStates: more blocks than a player may have are refused, also of players who are absent") {
  ControlFixture f;
  f.join("ann");
  std::string names;
  for (int i = 0; i <= 1000; ++i) names += " names: \"p" + std::to_string(i) + "\"";
  CHECK(f.update(R"(players { player: "ann" blocks {)" + names + " } }") ==
        "players[0].blocks.names: has 1001 elements; at most 1000 are allowed");
  CHECK(f.update(R"(players { player: "ann" blocks { names: "a b" } })") ==
        "players[0].blocks.names[0]: must be 1 to 64 of A-Z a-z 0-9 . _ ~ -");
}

TEST_CASE("RoomStates: an override ends when it is cleared, and a player who joins again keeps it") {
  ControlFixture f;
  f.join("ann");
  f.join("ben");
  REQUIRE(f.update(R"(players { player: "ann" blocks { names: "cid" } }
                      overrides { speaker: "ann" receiver: "ben" force: OFF })") == "");
  f.join("ann");
  CHECK(f.reason("ann", "ben") == "forced_off");
  REQUIRE(f.update(R"(cleared_overrides { speaker: "ann" receiver: "ben" })") == "");
  CHECK(f.reason("ann", "ben") == "everyone");
  f.join("cid");
  CHECK(f.reason("cid", "ann") == "blocked");
}

TEST_CASE("RoomStates: configured rules that do not fit the players' tags are reported") {
  ControlFixture f;
  f.join("ann");
  std::string tags;
  for (int i = 0; i < 64; ++i) tags += " names: \"t" + std::to_string(i) + "\"";
  REQUIRE(f.update(R"(players { player: "ann" tags {)" + tags + " } }") == "");
  f.configure({{"lobby", R"(rules { deny {} speaker { tags: "dead" } })"}});
  REQUIRE(f.states.rules("lobby")->warnings_size() == 1);
  CHECK(f.states.rules("lobby")->warnings(0).starts_with("the configured rules are not in force: rules[0]"));
}

TEST_CASE("RoomStates: a change with the room's version is applied once") {
  ControlFixture f;
  f.join("ann");
  REQUIRE(f.update(R"(players { player: "ann" team: "red" })") == "");
  const std::string at = "expected_version: " + std::to_string(f.states.version("lobby"));
  CHECK(f.update(at + R"( players { player: "ann" team: "blue" })") == "");
  CHECK(f.update(at + R"( players { player: "ann" team: "green" })") != "");
}

TEST_CASE("RoomStates: a block takes effect when the blocked player joins, and after it joined again") {
  ControlFixture f;
  f.join("ann");
  REQUIRE(f.update(R"(players { player: "ann" blocks { names: "ben" } })") == "");
  f.join("ben");
  f.join("cid");
  CHECK(f.reason("ben", "ann") == "blocked");
  CHECK(f.reason("ann", "ben") == "blocked");
  CHECK(f.reason("cid", "ann") == "everyone");
  f.join("ben");  // replaces the earlier one
  CHECK(f.reason("ben", "ann") == "blocked");
  f.leave("ben");
  f.join("ben");
  CHECK(f.reason("ben", "ann") == "blocked");
  REQUIRE(f.update(R"(players { player: "ann" blocks {} })") == "");
  CHECK(f.reason("ben", "ann") == "everyone");
  f.leave("ben");
  f.join("ben");
  CHECK(f.reason("ben", "ann") == "everyone");
}

TEST_CASE("RoomStates: a player who joins again keeps its state, and one who left does not") {
  ControlFixture f;
  f.join("ann");
  f.join("ben");
  REQUIRE(f.update(R"(players { player: "ann" mute { muted: true } })") == "");
  f.join("ann");
  CHECK(f.reason("ann", "ben") == "muted");
  f.leave("ann");
  f.join("ann");
  CHECK(f.reason("ann", "ben") == "everyone");
}

TEST_CASE("RoomStates: a mute and an override end at their time") {
  ControlFixture f;
  f.join("ann");
  f.join("ben");
  REQUIRE(f.update(R"(players { player: "ann" mute { muted: true duration_s: 5 } }
                      overrides { speaker: "ben" receiver: "ann" force: OFF duration_ms: 2000 })") == "");
  CHECK(f.reason("ben", "ann") == "forced_off");
  f.clock.advance(3s);
  CHECK(f.reason("ben", "ann") == "everyone");
  CHECK(f.reason("ann", "ben") == "muted");
  f.clock.advance(2s);
  CHECK(f.reason("ann", "ben") == "everyone");
}

TEST_CASE("RoomStates: the state ends with the room") {
  ControlFixture f;
  f.join("ann");
  REQUIRE(f.setRules(R"(audibility { rules { deny {} } })") == "");
  CHECK(f.sink.last.size() == 1);
  f.leave("ann");
  CHECK(f.sink.last.empty());
  f.join("ann");
  f.join("ben");
  CHECK(f.reason("ann", "ben") == "everyone");
}

TEST_CASE("RoomStates: another process continues with the same states, rules and blocks") {
  ControlFixture f;
  for (const char* id : {"ann", "ben", "cid"}) f.join(id);
  REQUIRE(
      f.setRules(
          R"(audibility { rules { proximity { audible_distance: 10 } speaker { without_tags: "dead" } } })") ==
      "");
  REQUIRE(f.update(R"(players { player: "ann" position { x: 5 } tags { names: "dead" } }
                      players { player: "ben" blocks { names: "cid" names: "dan" } }
                      overrides { speaker: "ann" receiver: "ben" force: ON })") == "");
  Descriptors descriptors;
  Archive writing(descriptors);
  f.directory.archive(writing);
  f.states.archive(writing);
  const std::string bytes = writing.takeBytes();

  ControlFixture next;
  Archive reading(asBytes(bytes), descriptors);
  next.directory.archive(reading);
  next.states.archive(reading);
  CHECK(reading.ok());
  CHECK(reading.atEnd());
  next.configure({});
  for (const char* speaker : {"ann", "ben", "cid"}) {
    for (const char* listener : {"ann", "ben", "cid"}) {
      CHECK(next.reason(speaker, listener) == f.reason(speaker, listener));
    }
  }
  CHECK(next.reason("ann", "ben") == "forced_on");
  CHECK(next.reason("cid", "ben") == "blocked");
  CHECK(next.reason("ann", "cid") == "no_rule");
  next.join("dan");
  CHECK(next.reason("dan", "ben") == "blocked");
  CHECK(next.snapshot("ann")->version == next.states.version("lobby"));
}

TEST_CASE("RoomStates: the sink receives mutes, also of a player who joins again") {
  ControlFixture f;
  f.join("ann");
  const uint32_t first = f.directory.find("lobby", "ann")->number;
  REQUIRE(f.update(R"(players { player: "ann" mute { muted: true duration_s: 9 } })") == "");
  CHECK(f.sink.muted.at(first) == f.clock.now() + 9s);
  f.join("ann");
  CHECK(f.sink.muted.at(f.directory.find("lobby", "ann")->number) == f.clock.now() + 9s);
  REQUIRE(f.update(R"(players { player: "ann" mute {} })") == "");
  CHECK(f.sink.muted.at(f.directory.find("lobby", "ann")->number) <= f.clock.now());
}

TEST_CASE("RoomStates: the sink receives conflicts of versions and rules that are refused") {
  ControlFixture f;
  f.join("ann");
  f.update("expected_version: 7");
  f.setRules(R"(audibility { rules { proximity { audible_distance: 5 hysteresis: 5 } } })");
  REQUIRE(f.sink.reports.size() == 2);
  CHECK(f.sink.reports[0] == "conflict in lobby: 7, not 0");
  CHECK(f.sink.reports[1].starts_with("rules of lobby: audibility.rules[0].proximity.hysteresis: "));
}

}  // namespace
}  // namespace sluice::control
