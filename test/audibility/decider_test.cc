#include "source/audibility/decider.h"

#include <doctest/doctest.h>

#include "test/audibility/room_builder.h"

namespace sluice::audibility::test {
namespace {

TEST_CASE("Decider: without rules everyone hears everyone but themselves") {
  Room room;
  room.at(1, 0);
  room.at(2, 1e6F);
  CHECK(room.decide(1, 2).audible);
  CHECK(room.decide(1, 2).gain == 1);
  CHECK(room.why(1, 2) == Reason::kEveryone);
  CHECK(room.why(1, 1) == Reason::kSelf);
}

TEST_CASE("Decider: a proximity rule states by how much it was met or missed") {
  Room room({proximity(10)});
  room.at(1, 0);
  room.at(2, 7);
  room.at(3, 10);
  room.at(4, 13);
  CHECK(room.decide(1, 2).margin == 3);
  CHECK(room.why(1, 3) == Reason::kInRange);
  const Decision missed = room.decide(1, 4);
  CHECK(missed.reason == Reason::kOutOfRange);
  CHECK(missed.margin == -3);
  CHECK(missed.distance == 13);
  CHECK(int{missed.rule} == 0);
  CHECK(missed.gain == 0);
}

TEST_CASE("Decider: of several misses the nearest is stated") {
  Rule friends = proximity(50), others = proximity(10);
  friends.teams = Teams::kSame;
  Room room({friends, others});
  room.at(1, 0);
  room.at(2, 53);
  CHECK(int{room.decide(1, 2).rule} == 1);
  CHECK(room.decide(1, 2).margin == -43);
  for (const uint32_t number : {1U, 2U}) room.set({.number = number, .team = "red"});
  CHECK(int{room.decide(1, 2).rule} == 0);
  CHECK(room.decide(1, 2).margin == -3);
}

TEST_CASE("Decider: ranges do not chain") {
  Room room({proximity(10)});
  room.at(1, 0);
  room.at(2, 8);
  room.at(3, 16);
  CHECK(room.decide(1, 2).audible);
  CHECK(room.decide(2, 3).audible);
  CHECK_FALSE(room.decide(1, 3).audible);
}

TEST_CASE("Decider: the speaker's voice scales the range, the receiver's range caps it") {
  Room room({proximity(10)});
  room.at(1, 0);
  struct {
    VocalRange voice;
    float receive_range;
    float distance;
    Reason reason;
  } const cases[] = {
      {{Voice::kWhisper, 0}, 100, 5, Reason::kInRange},
      {{Voice::kWhisper, 0}, 100, 5.5F, Reason::kOutOfRange},
      {{Voice::kShout, 0}, 100, 20, Reason::kInRange},
      {{Voice::kShout, 0}, 100, 21, Reason::kOutOfRange},
      {{Voice::kDistance, 3}, 100, 3, Reason::kInRange},
      {{Voice::kDistance, 3}, 100, 4, Reason::kOutOfRange},
      {{Voice::kNormal, 0}, 6, 6, Reason::kInRange},
      {{Voice::kNormal, 0}, 6, 7, Reason::kBeyondReceiveRange},
      {{Voice::kNormal, 0}, 6, 11, Reason::kOutOfRange},
      {{Voice::kNormal, 0}, 0, 1, Reason::kBeyondReceiveRange},
  };
  for (const auto& c : cases) {
    CAPTURE(c.distance);
    room.set({.number = 1, .vocal_range = c.voice});
    room.set({.number = 2, .position = Vector3{c.distance, 0, 0}, .receive_range = c.receive_range});
    CHECK(room.why(1, 2) == c.reason);
  }
}

TEST_CASE("Decider: hysteresis holds a pair that heard each other by this rule") {
  Room room({proximity(10, 2)});
  room.at(1, 0);
  room.at(2, 12);
  CHECK(room.why(1, 2) == Reason::kOutOfRange);
  const Decision held = room.decide(1, 2, kNow, 0);
  CHECK(held.reason == Reason::kHeldInRange);
  CHECK(held.margin == 0);
  room.at(2, 12.5F);
  CHECK(room.decide(1, 2, kNow, 0).margin == -0.5F);
}

TEST_CASE("Decider: the checks before the rules win in their order") {
  Room room;
  for (const uint32_t number : {1U, 2U}) room.at(number, 0);
  room.set(PairOverride{.speaker = 1, .receiver = 2, .force = Force::kOn});
  CHECK(room.why(1, 2) == Reason::kForcedOn);
  room.set(PairOverride{.speaker = 1, .receiver = 2, .force = Force::kOff});
  CHECK(room.why(1, 2) == Reason::kForcedOff);
  CHECK(room.why(2, 1) == Reason::kEveryone);
  room.set({.number = 2, .deafened = true});
  CHECK(room.why(1, 2) == Reason::kDeafened);
  room.set({.number = 1, .muted_until = kNow + 10s});
  CHECK(room.why(1, 2) == Reason::kMuted);
  CHECK(room.why(1, 2, kNow + 10s - 1ns) == Reason::kMuted);
  CHECK(room.why(1, 2, kNow + 10s) == Reason::kDeafened);
  room.set({.number = 2, .blocks = std::vector<uint32_t>{1}});
  CHECK(room.why(1, 2) == Reason::kBlocked);
  CHECK(room.why(2, 1) == Reason::kBlocked);
  room.set({.number = 2, .world = "moon"});
  CHECK(room.why(1, 2) == Reason::kOtherWorld);
}

TEST_CASE("Decider: an occlusion acts on top of the rules and ends") {
  Room room({proximity(10)});
  room.at(1, 0);
  room.at(2, 5);
  room.set(PairOverride{.speaker = 1, .receiver = 2, .gain = 0.25F, .low_pass_hz = 700, .end = kNow + 1s});
  CHECK(room.decide(1, 2).gain == 0.25F);
  CHECK(room.decide(1, 2).low_pass_hz == 700);
  CHECK(room.decide(1, 2, kNow + 1s).gain == 1);
  CHECK(room.decide(1, 2, kNow + 1s).low_pass_hz == 0);
  room.at(2, 11);
  CHECK_FALSE(room.decide(1, 2).audible);
}

TEST_CASE("Decider: the dead hear the living, never the reverse") {
  Rule deny = rule(RuleKind::kDeny);
  deny.speaker.tags = {"dead"};
  deny.receiver.without_tags = {"dead"};
  Room room({deny, rule(RuleKind::kEveryone)});
  room.at(1, 0);
  room.set({.number = 2, .tags = std::vector<std::string>{"dead"}});
  room.set({.number = 3, .tags = std::vector<std::string>{"dead"}});
  CHECK(room.why(1, 2) == Reason::kEveryone);
  CHECK(room.why(2, 1) == Reason::kDenied);
  CHECK(room.why(2, 3) == Reason::kEveryone);
}

TEST_CASE("Decider: a channel is heard at any distance, with the receiver's gain and priority") {
  Room room({rule(RuleKind::kChannels), proximity(10)});
  room.set(
      {.number = 1, .channels = std::vector<ChannelUpdate>{{.name = "air", .listen = false, .talk = true}}});
  room.set({.number = 2,
            .position = Vector3{5000, 0, 0},
            .channels = std::vector<ChannelUpdate>{{.name = "air", .gain = 0.5F, .priority = 9}}});
  room.at(3, 5);
  room.at(4, 50);
  const Decision decision = room.decide(1, 2);
  CHECK(decision.reason == Reason::kChannel);
  CHECK(decision.gain == 0.5F);
  CHECK(int{decision.priority} == 9);
  CHECK(room.why(2, 1) == Reason::kOutOfRange);
  CHECK(room.why(1, 3) == Reason::kInRange);
  CHECK(room.why(1, 4) == Reason::kOutOfRange);

  Rule radio = rule(RuleKind::kChannels);
  radio.heard_nearby = false;
  room.setRules({radio, proximity(10)});
  CHECK(room.why(1, 2) == Reason::kChannel);
  CHECK(room.why(1, 3) == Reason::kOnChannelOnly);
  room.set({.number = 1, .channels = std::vector<ChannelUpdate>{{.name = "air", .talk = false}}});
  CHECK(room.why(1, 3) == Reason::kInRange);
  room.set({.number = 2, .channels = std::vector<ChannelUpdate>{{.name = "air", .gain = 0}}});
  room.set({.number = 1, .channels = std::vector<ChannelUpdate>{{.name = "air", .talk = true}}});
  room.setRules({radio});
  CHECK(room.why(1, 2) == Reason::kNoCommonChannel);
}

TEST_CASE("Decider: in mode TEAM players speak to and hear only their team, and broadcasters") {
  Room room({rule(RuleKind::kBroadcaster), rule(RuleKind::kEveryone)});
  room.set({.number = 1, .team = "red", .mode = Mode::kTeam});
  room.set({.number = 2, .team = "red"});
  room.set({.number = 3, .team = "blue"});
  room.set({.number = 4, .role = Role::kBroadcaster});
  CHECK(room.why(1, 2) == Reason::kEveryone);
  CHECK(room.why(1, 3) == Reason::kTeamMode);
  CHECK(room.why(3, 1) == Reason::kTeamMode);
  CHECK(room.why(3, 2) == Reason::kEveryone);
  CHECK(room.why(4, 1) == Reason::kBroadcaster);
  CHECK(room.why(1, 4) == Reason::kTeamMode);
}

TEST_CASE("Decider: only rules with any_world cross worlds, and a forced pair does not") {
  Rule team = rule(RuleKind::kSameTeam);
  team.any_world = true;
  Room room({team, rule(RuleKind::kEveryone)});
  room.set({.number = 1, .team = "red"});
  room.set({.number = 2, .world = "moon", .team = "red"});
  room.set({.number = 3, .world = "moon"});
  room.set(PairOverride{.speaker = 1, .receiver = 3, .force = Force::kOn});
  CHECK(room.why(1, 2) == Reason::kSameTeam);
  CHECK(room.why(1, 3) == Reason::kOtherWorld);
  CHECK(room.why(2, 3) == Reason::kEveryone);
}

TEST_CASE("Reason: each has a name and a sentence") {
  for (size_t i = 0; i < kEnumSize<Reason>; ++i) {
    const auto reason = static_cast<Reason>(i);
    CHECK_FALSE(name(reason).empty());
    CHECK(text(reason).ends_with('.'));
  }
  CHECK(isAudible(Reason::kForcedOn));
  CHECK_FALSE(isAudible(Reason::kSelf));
}

}  // namespace
}  // namespace sluice::audibility::test
