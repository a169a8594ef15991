// Limits of what a game may set.
#pragma once

#include <cstddef>

namespace sluice::audibility {

inline constexpr float kMaxCoordinate = 1e7F;  // in world units, either sign
inline constexpr size_t kMaxChannels = 16;     // of a player
inline constexpr size_t kMaxBlocks = 1000;     // of a player
inline constexpr size_t kMaxNameLength = 128;  // in bytes, of a world, team, channel or tag
inline constexpr size_t kMaxErrors = 20;       // that one call reports

}  // namespace sluice::audibility
