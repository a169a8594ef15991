// Positions that a game's server sends at a high rate, by the names that it uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "source/audibility/vector3.h"

namespace sluice::audibility {

// Absent values stay as they are.
struct PlayerMove {
  std::string_view player{};          // its id
  std::optional<Vector3> position{};  // each coordinate within kMaxCoordinate
  std::optional<Vector3> forward{};   // any length but 0
  std::optional<Vector3> up{};        // any length but 0
};

// The views belong to the caller.
struct PositionUpdate {
  std::string_view room{};
  uint64_t source = 0;    // of the sender; sequences of different senders are not compared
  uint64_t sequence = 0;  // a later update of the sender has a higher one
  std::span<const PlayerMove> players{};
};

struct PositionOutcome {
  bool has_room = false;  // false: there is no such room, and the rest is 0
  size_t moved = 0;       // players
  size_t unknown = 0;     // players who are not in the room
  size_t outdated = 0;    // players whom an update of the sender with this or a higher sequence has moved
};

}  // namespace sluice::audibility
