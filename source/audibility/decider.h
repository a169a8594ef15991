// Decides who hears one speaker, from a snapshot. Each decision is about one pair: it never depends on other
// players, so ranges do not chain.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "source/audibility/decision.h"
#include "source/audibility/snapshot.h"
#include "source/base/clock.h"

namespace sluice::audibility {

class Decider {
 public:
  // `snapshot` must outlive the decider; `speaker` is an index in it.
  Decider(const Snapshot& snapshot, uint32_t speaker, Instant now);

  // Decides about the receiver with this index. `held` is the proximity rule by which the receiver heard the
  // speaker before: that rule's hysteresis applies.
  Decision decide(uint32_t receiver, RuleIndex held = kNoRule) const;

  // The first instant at which a decision on the same snapshot may change, because a mute or an override
  // ends.
  Instant validUntil() const;

  // Calls visit(index) for a superset of the receivers who hear the speaker, possibly more than once for an
  // index. Returns false without a call if any player may hear the speaker.
  template <typename Visit>
  bool forEachCandidate(Visit&& visit) const;

 private:
  struct Pair;
  struct Limits {
    float conversational;
    float audible;
  };

  bool mayApply(size_t rule) const { return (rules_ >> rule & 1) != 0; }
  bool mayReachAnyone() const;
  static Limits limitsOf(const Proximity& range, const VocalRange& voice);
  const PairOverride* overrideFor(uint32_t receiver) const;
  // Refuses or forces the pair before any rule; false if the rules decide.
  bool decideBeforeRules(const Pair& pair, Decision& decision) const;
  void decideByRules(const Pair& pair, RuleIndex held, Decision& decision) const;
  bool applies(const CompiledRule& rule, const Pair& pair) const;
  bool tryProximity(size_t rule, const Pair& pair, bool held, Decision& decision) const;
  bool tryChannels(const Pair& pair, Decision& decision) const;

  const Snapshot& snapshot_;
  const PlayerState& speaker_;
  const Instant now_;
  const bool muted_;
  uint64_t rules_ = 0;  // bit i: rule i matches the speaker
  std::span<const PairOverride> overrides_;
};

template <typename Visit>
bool Decider::forEachCandidate(Visit&& visit) const {
  if (muted_) return true;
  if (mayReachAnyone()) return false;
  const auto rules = snapshot_.rules->rules();
  bool team = false;
  float radius = -1;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!mayApply(i)) continue;
    switch (rules[i].kind) {
      case RuleKind::kDeny:
        break;
      case RuleKind::kProximity:
        radius = std::max(radius, limitsOf(rules[i].proximity, speaker_.vocal_range).audible +
                                      rules[i].proximity.hysteresis);
        break;
      case RuleKind::kChannels:
        for (const Channel& channel : speaker_.details->channels) {
          if (channel.talk) snapshot_.subscribers->forEach(channel.name, visit);
        }
        break;
      default:
        team = true;
    }
  }
  if (team && speaker_.team != 0) snapshot_.teams->forEach(speaker_.team, visit);
  if (radius >= 0) snapshot_.grid->near(speaker_.world, speaker_.position, radius, visit);
  for (const PairOverride& forced : overrides_) {
    if (forced.force != Force::kOn) continue;
    const uint32_t index = snapshot_.find(forced.receiver);
    if (index != NumberMap::kAbsent) visit(index);
  }
  return true;
}

}  // namespace sluice::audibility
