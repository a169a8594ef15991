// Tests that the router obeys the rules of a room.
#include <doctest/doctest.h>

#include <functional>

#include "source/audibility/hearers.h"
#include "test/filters/rtp_router/ruled_room.h"
#include "test/support/allocations.h"

namespace sluice {
namespace {

using namespace test;
using audibility::RuleKind;
using audibility::test::proximity;
using audibility::test::rule;

uint64_t counted(const ChainHarness& chain, const char* counter) {
  return chain.counted("rtp_router", counter);
}

TEST_CASE("a room without rules: every player hears every other, and no packet counts as inaudible") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  room.game.at(numberOf(bob), 1000);
  CHECK(room.hears(bob, alice) == 1);
  CHECK(alice.outer.empty());
  CHECK(counted(alice, "inaudible") == 0);
  CHECK(counted(alice, "unheard") == 0);
}

TEST_CASE("by range: a receiver gets the packets of speakers nearby only") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  auto& carol = room.add("carol");
  room.game.at(numberOf(carol), -2000);
  struct {
    float at;
    bool heard;
  } const steps[] = {{5, true}, {10, true}, {11, false}, {1000, false}, {9, true}};
  for (const auto& step : steps) {
    CAPTURE(step.at);
    room.game.at(numberOf(bob), step.at);
    room.publish();
    CHECK(room.hears(bob, alice) == (step.heard ? 1 : 0));
  }
  CHECK(carol.outer.empty());
  CHECK(alice.outer.empty());
  CHECK(counted(alice, "inaudible") == 7);  // five packets for Carol, two for Bob
  CHECK(counted(alice, "unheard") == 2);
  CHECK(counted(bob, "unheard") == 0);
  CHECK(room.worker.pool().unaccounted() == 0);
}

TEST_CASE("a change takes effect with the speaker's next packet") {
  using Change = std::function<void(RuledRoom&, uint32_t speaker, uint32_t receiver, bool silences)>;
  struct {
    const char* name;
    Change change;
  } const cases[] = {
      {"mute",
       [](RuledRoom& room, uint32_t speaker, uint32_t, bool silences) {
         room.game.set({.number = speaker, .muted_until = silences ? Instant::max() : Instant{}});
       }},
      {"deafened", [](RuledRoom& room, uint32_t, uint32_t receiver,
                      bool silences) { room.game.set({.number = receiver, .deafened = silences}); }},
      {"the receiver blocks",
       [](RuledRoom& room, uint32_t speaker, uint32_t receiver, bool silences) {
         const std::vector<uint32_t> blocked{speaker};
         room.game.set({.number = receiver, .blocks = silences ? blocked : std::vector<uint32_t>{}});
       }},
      {"the speaker blocks",
       [](RuledRoom& room, uint32_t speaker, uint32_t receiver, bool silences) {
         const std::vector<uint32_t> blocked{receiver};
         room.game.set({.number = speaker, .blocks = silences ? blocked : std::vector<uint32_t>{}});
       }},
      {"override",
       [](RuledRoom& room, uint32_t speaker, uint32_t receiver, bool silences) {
         const auto force = silences ? audibility::Force::kOff : audibility::Force::kNone;
         room.game.set(audibility::PairOverride{.speaker = speaker, .receiver = receiver, .force = force});
       }},
      {"world", [](RuledRoom& room, uint32_t speaker, uint32_t,
                   bool silences) { room.game.set({.number = speaker, .world = silences ? "nether" : ""}); }},
      {"team",
       [](RuledRoom& room, uint32_t speaker, uint32_t receiver, bool silences) {
         room.game.set({.number = receiver, .team = "red"});
         room.game.set({.number = speaker,
                        .team = silences ? "blue" : "red",
                        .mode = silences ? audibility::Mode::kTeam : audibility::Mode::kWorld});
       }},
      {"rules",
       [](RuledRoom& room, uint32_t, uint32_t, bool silences) {
         room.setRules({rule(silences ? RuleKind::kDeny : RuleKind::kEveryone)});
       }},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    RuledRoom room({});
    auto& alice = room.add("alice");
    auto& bob = room.add("bob");
    for (const bool silences : {false, true, false, true}) {
      c.change(room, numberOf(alice), numberOf(bob), silences);
      room.publish();
      for (int packet = 0; packet < 2; ++packet) CHECK(room.hears(bob, alice) == (silences ? 0 : 1));
    }
  }
}

TEST_CASE("a mute and an override end without a new version") {
  RuledRoom room({rule(RuleKind::kDeny)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  const Instant now = room.clock.now();
  room.game.set({.number = numberOf(alice), .muted_until = now + 1s});
  room.game.set(audibility::PairOverride{.speaker = numberOf(alice),
                                         .receiver = numberOf(bob),
                                         .force = audibility::Force::kOn,
                                         .end = now + 2s});
  room.publish();
  for (const bool heard : {false, true, false}) {
    CHECK(room.hears(bob, alice) == (heard ? 1 : 0));
    room.clock.advance(1s);
  }
}

TEST_CASE("a player who is in no snapshot neither hears nor is heard") {
  RuledRoom room({});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  room.publish();
  auto& carol = room.add("carol");
  CHECK(room.hears(carol, alice) == 0);
  CHECK(room.hears(bob, carol) == 0);
  CHECK(room.hears(bob, alice) == 1);
  room.publish();
  CHECK(room.hears(carol, alice) == 1);
  CHECK(room.hears(bob, carol) == 1);
}

TEST_CASE("a speaker who becomes audible is heard with its first packet, and the stream has no gap") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  const auto move = [&](float at) {
    room.game.at(numberOf(bob), at);
    room.publish();
  };
  move(5);
  REQUIRE(room.hears(bob, alice) == 1);
  const uint16_t before = received(bob).sequence;
  const uint32_t timestamp = received(bob).timestamp;
  move(50);
  for (int i = 0; i < 100; ++i) {
    CHECK(room.hears(bob, alice) == 0);
    room.clock.advance(20ms);
  }
  move(5);
  CHECK(room.hears(bob, alice) == 1);
  CHECK(received(bob).sequence == static_cast<uint16_t>(before + 1));
  CHECK(received(bob).timestamp == timestamp + 2 * 48'000);
  CHECK(received(bob).marker);
  room.lose(alice);
  CHECK(room.hears(bob, alice) == 1);
  CHECK(received(bob).sequence == static_cast<uint16_t>(before + 3));  // loss stays visible
  CHECK_FALSE(received(bob).marker);
}

TEST_CASE("the rules of a room arrive while players talk") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  auto& carol = room.add("carol");
  room.game.at(numberOf(carol), 50);
  for (ChainHarness* receiver : {&bob, &carol}) CHECK(room.hears(*receiver, alice) == 1);
  room.publish();
  CHECK(room.hears(bob, alice) == 1);
  CHECK(room.hears(carol, alice) == 0);
  const uint16_t sequence = received(bob).sequence;
  CHECK(room.hears(bob, alice) == 1);
  CHECK(received(bob).sequence == static_cast<uint16_t>(sequence + 1));
}

TEST_CASE("each worker counts the packets that no receiver there hears") {
  RuledRoom room({proximity(10)}, 2);
  auto& bob = room.add("bob");
  auto& alice = room.add("alice");
  auto& carol = room.add("carol", {.worker = 1});
  auto& dave = room.add("dave", {.worker = 1});
  room.game.at(numberOf(bob), 50);
  for (ChainHarness* far : {&carol, &dave}) room.game.at(numberOf(*far), 50);
  room.publish();
  room.speak(alice);
  CHECK(counted(alice, "unheard") == 1);
  CHECK(counted(alice, "inaudible") == 1);
  CHECK(counted(carol, "unheard") == 1);
  CHECK(counted(carol, "inaudible") == 2);
  room.game.at(numberOf(dave), 5);
  room.publish();
  CHECK(room.hears(dave, alice) == 1);
  CHECK(counted(alice, "unheard") == 2);
  CHECK(counted(carol, "unheard") == 1);
  CHECK(counted(carol, "inaudible") == 3);
}

TEST_CASE("a speaker alone on its worker is not unheard there") {
  RuledRoom room({}, 2);
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.worker = 1});
  room.publish();
  CHECK(room.hears(bob, alice) == 1);
  CHECK(counted(alice, "unheard") == 0);
  CHECK(counted(bob, "unheard") == 0);
}

TEST_CASE("a room that is forgotten keeps its rules for the sessions that still close") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  auto& carol = room.add("carol");
  room.game.at(numberOf(bob), 50);
  room.publish();
  auto& rooms = room.worker.local<chain::RoomAudibility>();
  rooms.forget(roomOf(alice));
  CHECK(room.hears(bob, alice) == 0);
  CHECK(room.hears(carol, alice) == 1);
  carol.closeChain();
  CHECK(room.hears(bob, alice) == 0);
  bob.closeChain();
  alice.closeChain();
  CHECK(rooms.size() == 0);
}

TEST_CASE("a room without rules leaves nothing when its last session ends") {
  RuledRoom room({});
  auto& alice = room.add("alice");
  CHECK(room.worker.local<chain::RoomAudibility>().size() == 1);
  alice.closeChain();
  CHECK(room.worker.local<chain::RoomAudibility>().size() == 0);
}

TEST_CASE("a receiver whose filter is replaced by a reload still hears") {
  RuledRoom room({});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  room.publish();
  bob.reload({{rtp_router::filterType(), "", "other"}});
  CHECK(room.hears(bob, alice) == 1);
  CHECK(room.hears(bob, alice) == 1);
  bob.closeChain();
  room.speak(alice);
  CHECK(counted(alice, "unheard") == 0);
}

TEST_CASE("after a takeover the rules apply to the first packet, and the stream continues") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  auto& carol = room.add("carol");
  room.game.at(numberOf(carol), 50);
  room.publish();
  CHECK(room.hears(bob, alice) == 1);
  const uint16_t sequence = received(bob).sequence;

  FakeWorker worker(room.clock);
  const std::vector<FilterConfig> filters{{rtp_router::filterType(), ""}};
  ChainHarness next_alice(worker, filters), next_bob(worker, filters), next_carol(worker, filters);
  for (ChainHarness* next : {&next_alice, &next_bob, &next_carol}) next->directory = &room.directory;
  CHECK(next_alice.takeOver(alice) == "");
  CHECK(next_bob.takeOver(bob) == "");
  CHECK(next_carol.takeOver(carol) == "");
  room.publish(worker);
  room.lose(alice);
  CHECK(room.hears(next_bob, next_alice) == 1);
  CHECK(received(next_bob).sequence == static_cast<uint16_t>(sequence + 2));
  CHECK(next_carol.outer.empty());
  CHECK(next_bob.counted("rtp_router", "slot_changes") == 0);
}

TEST_CASE("a packet in a room with rules allocates nothing") {
  RuledRoom room({proximity(10)});
  auto& alice = room.add("alice");
  room.add("bob");
  room.publish();
  for (auto& [name, chain] : room.chains) chain->record = false;
  std::vector<uint8_t> packet = VoicePacket().bytes();
  for (uint16_t sequence = 1; sequence <= 100; ++sequence) {
    writeU16(&packet[2], sequence);
    if (sequence == 50) countAllocations(true);
    alice.ingress(packet);
  }
  countAllocations(false);
  CHECK(allocations() == 0);
}

}  // namespace
}  // namespace sluice
