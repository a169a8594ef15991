// The changes to a room that a game requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source/audibility/pair_override.h"
#include "source/audibility/player_state.h"

namespace sluice::audibility {

struct ChannelUpdate {
  std::string name{};  // not empty
  float gain = 1;      // 0 to 1
  uint8_t priority = 0;
  bool listen = true;
  bool talk = false;
};

// Absent fields stay as they are.
struct PlayerUpdate {
  uint32_t number = 0;  // of a player of the room
  std::optional<std::string> world{};
  std::optional<std::string> team{};  // empty: no team
  std::optional<Vector3> position{};
  std::optional<Vector3> forward{};  // any length but 0
  std::optional<Vector3> up{};       // any length but 0
  std::optional<Mode> mode{};
  std::optional<Role> role{};
  std::optional<uint8_t> priority{};
  std::optional<VocalRange> vocal_range{};
  std::optional<float> receive_range{};  // at least 0, may be infinite
  std::optional<Instant> muted_until{};  // Instant::max(): until it is changed; Instant{}: not muted
  std::optional<bool> deafened{};
  std::optional<std::vector<ChannelUpdate>> channels{};  // replaces the list
  // Replaces the list: players in any order, whether or not they are in the room.
  std::optional<std::vector<uint32_t>> blocks{};
  std::optional<std::vector<std::string>> tags{};  // replaces the list
};

struct Pairing {
  uint32_t speaker = 0;
  uint32_t receiver = 0;
};

// Takes effect as a whole or not at all.
struct Batch {
  std::optional<uint64_t> expected_version{};  // of the room; absent: any
  std::vector<PlayerUpdate> players{};         // at most one for each player
  std::vector<PairOverride> overrides{};       // each replaces the earlier override of its pair
  std::vector<Pairing> cleared_overrides{};    // those that do not exist are ignored
};

// A cheap form of an update, for position feeds.
struct Movement {
  uint32_t number = 0;
  Vector3 position{};
  std::optional<Vector3> forward{};
  std::optional<Vector3> up{};
};

}  // namespace sluice::audibility
