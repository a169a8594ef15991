// Which speakers get the slots of a receiver in a room with rules.
#include <doctest/doctest.h>

#include <algorithm>

#include "source/audibility/selection.h"
#include "test/filters/rtp_router/ruled_room.h"

namespace sluice {
namespace {

using namespace test;
using audibility::Selection;
using audibility::test::proximity;

TEST_CASE("a speaker of higher priority takes a slot at once") {
  RuledRoom room({});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  room.game.set({.number = numberOf(bob), .priority = 1});
  room.publish();
  CHECK(room.hears(carol, alice) == 1);
  CHECK(room.hears(carol, bob) == 1);
  CHECK(received(carol).csrc(0) == 2);
  room.clock.advance(99ms);
  CHECK(room.hears(carol, alice) == 0);
  CHECK(carol.dropped("rtp_router", "no_slot") == 1);
}

TEST_CASE("a nearer speaker takes a slot, if the rules rank speakers by proximity") {
  RuledRoom room({});
  room.selection.rank_by = Selection::RankBy::kProximity;
  room.selection.min_hold = 0ms;
  room.setRules({proximity(100)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  room.game.at(numberOf(alice), 40);
  room.game.at(numberOf(bob), 5);
  room.publish();
  CHECK(room.hears(carol, alice) == 1);
  CHECK(room.hears(carol, bob) == 1);
  CHECK(room.hears(carol, alice) == 0);
}

TEST_CASE("a speaker who hears the receiver takes a slot, if the rules have a bonus for it") {
  RuledRoom room({});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  room.game.set(audibility::PairOverride{
      .speaker = numberOf(carol), .receiver = numberOf(alice), .force = audibility::Force::kOff});
  for (const bool has_bonus : {false, true}) {
    CAPTURE(has_bonus);
    room.selection.mutual_bonus_db = has_bonus ? 30 : 0;
    room.selection.min_hold = 0ms;
    room.setRules({});
    room.publish();
    CHECK(room.hears(carol, alice) == 1);
    CHECK(room.hears(carol, bob) == (has_bonus ? 1 : 0));
    CHECK(room.hears(carol, alice) == (has_bonus ? 0 : 1));
  }
}

TEST_CASE("the selection is the filter's until rules arrive, then that of the rules") {
  RuledRoom room({});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1}, "slot_hold_ms: 500");
  CHECK(room.hears(carol, alice) == 1);
  room.clock.advance(100ms);
  CHECK(room.hears(carol, bob) == 0);
  room.publish();  // with a hold of 100 ms
  CHECK(room.hears(carol, bob) == 1);

  room.selection.hold = 1s;
  room.selection.min_hold = 1s;
  room.setRules({});
  room.publish();
  CHECK(room.hears(carol, alice) == 0);
  carol.reload({{rtp_router::filterType(), "slot_hold_ms: 20"}});
  room.clock.advance(999ms);
  CHECK(room.hears(carol, alice) == 0);
  room.clock.advance(1ms);
  CHECK(room.hears(carol, alice) == 1);
}

TEST_CASE("fewer speakers at the same time, when the rules say so") {
  RuledRoom room({});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 2});
  for (const size_t most : {2, 1}) {
    room.selection.max_speakers = most;
    room.setRules({});
    room.publish();
    CHECK(room.hears(carol, alice) + room.hears(carol, bob) == most);
  }
}

TEST_CASE("the slot of a speaker who has become inaudible is taken at once, before any other slot") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}});
  auto& dave = room.add("dave", {.ssrcs = {4}, .slots = 2, .sends = false});
  room.publish();
  CHECK(room.hears(dave, bob) == 1);
  CHECK(room.hears(dave, alice) == 1);
  SUBCASE("by a speaker of their priority") {
    CHECK(room.hears(dave, carol) == 0);
  }
  SUBCASE("by a speaker of higher priority, who could take the other slot too") {
    room.game.set({.number = numberOf(carol), .priority = 1});
  }
  SUBCASE("if the speaker has left the room") {
    room.game.state.remove(numberOf(alice));
  }
  if (room.game.state.find(numberOf(alice)) != nullptr) room.game.at(numberOf(alice), 50);
  room.publish();
  CHECK(room.hears(dave, carol) == 1);
  const uint64_t changes = dave.counted("rtp_router", "slot_changes");
  CHECK(room.hears(dave, bob) == 1);
  CHECK(dave.counted("rtp_router", "slot_changes") == changes);
}

TEST_CASE("a speaker who is inaudible for a while keeps its slot if no other speaker needs it") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 2, .sends = false});
  room.publish();
  CHECK(room.hears(carol, alice) == 1);
  SUBCASE("because another slot is free") {}
  SUBCASE("because the other speaker has a slot") {
    CHECK(room.hears(carol, bob) == 1);
  }
  room.game.at(numberOf(alice), 50);
  room.publish();
  CHECK(room.hears(carol, bob) == 1);
  room.game.at(numberOf(alice), 0);
  room.publish();
  CHECK(room.hears(carol, alice) == 1);
  CHECK(carol.counted("rtp_router", "slot_changes") == 2);
}

TEST_CASE("after a takeover a slot is kept, and is taken when its speaker is inaudible") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  room.publish();
  CHECK(room.hears(carol, alice) == 1);

  FakeWorker worker(room.clock);
  const std::vector<FilterConfig> filters{{rtp_router::filterType(), ""}};
  ChainHarness next_bob(worker, filters), next_carol(worker, filters);
  for (ChainHarness* next : {&next_bob, &next_carol}) next->directory = &room.directory;
  CHECK(next_bob.takeOver(bob) == "");
  CHECK(next_carol.takeOver(carol) == "");
  room.publish(worker);
  CHECK(room.hears(next_carol, next_bob) == 0);
  CHECK(next_carol.dropped("rtp_router", "no_slot") == 1);
  room.game.at(numberOf(alice), 50);
  room.publish(worker);
  CHECK(room.hears(next_carol, next_bob) == 1);
}

TEST_CASE("in an overload a receiver hears fewer speakers, with rules and without") {
  for (const bool has_rules : {false, true}) {
    CAPTURE(has_rules);
    RuledRoom room({});
    auto& alice = room.add("alice");
    auto& bob = room.add("bob", {.ssrcs = {2}});
    auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 4});
    if (has_rules) room.publish();
    CHECK(room.hears(carol, alice) == 1);
    CHECK(room.hears(carol, bob) == 1);
    carol.session.known_player->room->limitSpeakers(1);
    const size_t heard = room.hears(carol, alice) + room.hears(carol, bob);
    CHECK(heard == 1);
    CHECK(carol.dropped("rtp_router", "overload") == 1);
    const auto& slots = carol.session.known_player->slot_speakers;
    CHECK(std::ranges::count(slots, 0U, [](const auto& speaker) { return speaker.load(); }) == 3);
    carol.session.known_player->room->limitSpeakers(rooms::Room::kNoLimit);
    CHECK(room.hears(carol, alice) == 1);
    CHECK(room.hears(carol, bob) == 1);
  }
}

}  // namespace
}  // namespace sluice
