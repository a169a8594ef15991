// Builds rooms in a few lines.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "source/audibility/decider.h"
#include "source/audibility/room_state.h"

namespace sluice::audibility::test {

inline constexpr Instant kNow{1h};

inline Rule rule(RuleKind kind) {
  Rule rule;
  rule.kind = kind;
  return rule;
}

// A proximity rule without fade.
inline Rule proximity(float audible, float hysteresis = 0) {
  Rule range = rule(RuleKind::kProximity);
  range.proximity = {.audible_distance = audible,
                     .conversational_distance = audible / 2,
                     .fade_model = FadeModel::kNone,
                     .hysteresis = hysteresis,
                     .whisper_factor = 0.5F,
                     .shout_factor = 2};
  return range;
}

class Room {
 public:
  explicit Room(std::vector<Rule> rules = {}) { setRules(std::move(rules)); }

  void setRules(std::vector<Rule> rules, const Selection::Config& selection = {}) {
    REQUIRE(state.setRules({.rules = std::move(rules), .selection = selection}).ok());
  }

  // Adds the player if necessary, then updates it.
  void set(PlayerUpdate update) {
    if (state.find(update.number) == nullptr) REQUIRE(state.add(update.number).ok());
    Batch batch;
    batch.players.push_back(std::move(update));
    const auto applied = state.apply(batch, kNow);
    if (!applied) FAIL(toString(applied.errors()));
  }
  void at(uint32_t number, float x) { set({.number = number, .position = Vector3{x, 0, 0}}); }
  void set(const PairOverride& pair) {
    Batch batch;
    batch.overrides.push_back(pair);
    REQUIRE(state.apply(batch, kNow).ok());
  }

  Decision decide(uint32_t speaker, uint32_t receiver, Instant now = kNow, RuleIndex held = kNoRule) {
    const SnapshotPtr snapshot = state.publish(now);
    return Decider(*snapshot, snapshot->find(speaker), now).decide(snapshot->find(receiver), held);
  }
  Reason why(uint32_t speaker, uint32_t receiver, Instant now = kNow) {
    return decide(speaker, receiver, now).reason;
  }

  RoomState state;
};

}  // namespace sluice::audibility::test

// For doctest's messages.
namespace sluice::audibility {
inline doctest::String toString(Reason reason) {
  return doctest::String(name(reason).data(), static_cast<unsigned>(name(reason).size()));
}
}  // namespace sluice::audibility
