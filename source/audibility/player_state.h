// The state of one player of a room, as the game sets it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#include "source/audibility/vector3.h"
#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::audibility {

// In mode kTeam a player speaks only to its team and hears only its team.
enum class Mode : uint8_t { kWorld, kTeam };
enum class Role : uint8_t { kPlayer, kSpectator, kBroadcaster };

// How far a speaker is heard: a factor of the rule's audible distance, or kDistance instead of it.
enum class Voice : uint8_t { kWhisper, kNormal, kShout, kDistance };

struct VocalRange {
  Voice voice = Voice::kNormal;
  float distance = 0;  // of kDistance, in world units

  void archive(Archive& a) { a(voice, distance); }
  friend bool operator==(const VocalRange&, const VocalRange&) = default;
};

// A player's place on a radio channel.
struct Channel {
  uint32_t name = 0;     // of the room's Names
  float gain = 1;        // of the channel for this player, 0 to 1; 0 counts as not listening
  uint8_t priority = 0;  // of speakers on the channel for this player, 0 to 255
  bool listen = false;
  bool talk = false;  // the player's voice goes to the channel now

  bool isHeard() const { return listen && gain > 0; }
  void archive(Archive& a) { a(name, gain, priority, listen, talk); }
  friend bool operator==(const Channel&, const Channel&) = default;
};

// The parts of a player that change rarely. Immutable once shared.
struct Details {
  std::vector<Channel> channels;
  std::vector<uint32_t> blocks;  // numbers of players, sorted

  void archive(Archive& a) { a(channels, blocks); }
};
using DetailsPtr = std::shared_ptr<const Details>;

// Trivially copyable, because each snapshot holds a copy.
struct PlayerState {
  uint32_t number = 0;  // of rooms::Player, never 0
  uint32_t world = 0;   // of the room's Names; 0: the world without a name
  uint32_t team = 0;    // likewise; 0: no team
  Vector3 position;
  Vector3 forward{0, 0, -1};                                     // a unit vector
  Vector3 up{0, 1, 0};                                           // a unit vector
  float receive_range = std::numeric_limits<float>::infinity();  // in world units; caps proximity rules
  uint64_t tags = 0;                                             // bits of the room's TagTable
  Instant muted_until{};                                         // exclusive; Instant::max(): for ever
  const Details* details = nullptr;                              // never null in a snapshot, which owns it
  VocalRange vocal_range;
  Mode mode = Mode::kWorld;
  Role role = Role::kPlayer;
  uint8_t priority = 0;
  bool deafened = false;
  // Derived from the details, so that most decisions need not read these.
  bool talks_on_channel = false;
  bool has_blocks = false;

  void derive(const Details& of) {
    details = &of;
    talks_on_channel = std::ranges::any_of(of.channels, &Channel::talk);
    has_blocks = !of.blocks.empty();
  }

  // Archives everything but the details and what is derived from them.
  void archive(Archive& a) {
    a(number, world, team, position, forward, up, receive_range, tags, muted_until, vocal_range, mode, role,
      priority, deafened);
  }
};
static_assert(std::is_trivially_copyable_v<PlayerState>);

inline bool areTeamMates(const PlayerState& a, const PlayerState& b) {
  return a.team != 0 && a.team == b.team;
}

}  // namespace sluice::audibility
