// Rules as a game writes them: api/audibility.proto without protobuf. The proto states the ranges and
// defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "source/audibility/player_state.h"
#include "source/base/enum_size.h"

namespace sluice::audibility {

// In the order of the proto's oneof; the texts in rule_set.cc have the same order.
enum class RuleKind : uint8_t {
  kEveryone,
  kSameTeam,
  kProximity,
  kChannels,
  kBroadcaster,
  kAllow,
  kDeny,
};

enum class FadeModel : uint8_t { kInverse, kLinear, kExponential, kNone };

struct Proximity {
  float audible_distance = 0;         // world units, > 0
  float conversational_distance = 0;  // world units; no fade up to here
  FadeModel fade_model = FadeModel::kInverse;
  float fade_intensity = 1;
  float hysteresis = 0;      // world units
  float whisper_factor = 1;  // multiplies both distances
  float shout_factor = 1;    // likewise
};

// One bit for each role and mode.
inline constexpr uint8_t kAllRoles{(1U << kEnumSize<Role>)-1};
inline constexpr uint8_t kAllModes{(1U << kEnumSize<Mode>)-1};
constexpr uint8_t bitOf(Role role) {
  return static_cast<uint8_t>(1 << static_cast<int>(role));
}
constexpr uint8_t bitOf(Mode mode) {
  return static_cast<uint8_t>(1 << static_cast<int>(mode));
}

// The players to whom a rule applies.
struct PlayerMatch {
  std::vector<std::string> tags{};          // a player has all of them
  std::vector<std::string> without_tags{};  // a player has none of them
  uint8_t roles = kAllRoles;
  uint8_t modes = kAllModes;
};

enum class Teams : uint8_t { kAny, kSame, kDifferent };

struct Rule {
  std::string name{};
  RuleKind kind = RuleKind::kEveryone;
  Proximity proximity{};     // of kProximity
  bool heard_nearby = true;  // of kChannels
  PlayerMatch speaker{};
  PlayerMatch receiver{};
  Teams teams = Teams::kAny;
  bool any_world = false;  // also for players of different worlds
};

}  // namespace sluice::audibility
