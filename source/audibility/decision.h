// Whether one player hears another, and why.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "source/audibility/rule_set.h"

namespace sluice::audibility {

// Why a receiver hears a speaker, or does not. The first eight mean that it does.
enum class Reason : uint8_t {
  kEveryone,
  kSameTeam,
  kInRange,
  kHeldInRange,  // beyond the audible distance, but within its hysteresis
  kChannel,
  kBroadcaster,
  kAllowed,
  kForcedOn,
  kSelf,
  kOtherWorld,
  kBlocked,
  kMuted,
  kDeafened,
  kForcedOff,
  kTeamMode,
  kDenied,
  kOutOfRange,
  kBeyondReceiveRange,
  kOnChannelOnly,
  kNoCommonChannel,
  kOtherTeam,
  kNoRule,
};

constexpr bool isAudible(Reason reason) {
  return reason <= Reason::kForcedOn;
}
// A sentence: "The receiver is out of the speaker's range."
std::string_view text(Reason reason);
// An identifier for machines: "out_of_range".
std::string_view name(Reason reason);

struct Decision {
  bool audible = false;
  Reason reason = Reason::kNoRule;
  RuleIndex rule = kNoRule;  // the rule that decided, or the one that missed by the least
  uint8_t priority = 0;      // the speaker's, or the channel's if that is higher
  float gain = 0;            // linear, 0 to 1; 0 if not audible
  float low_pass_hz = 0;     // cut-off frequency; 0: no filter
  // The distance between the players in world units; infinity if their worlds differ.
  float distance = std::numeric_limits<float>::infinity();
  // For a proximity rule, the distance that it allows minus `distance`, in world units: negative if the pair
  // is too far apart. 0 for all other rules.
  float margin = 0;

  bool isByRange() const { return reason == Reason::kInRange || reason == Reason::kHeldInRange; }
};

}  // namespace sluice::audibility
