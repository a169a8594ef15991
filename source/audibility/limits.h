// Limits on what a game may set.
#pragma once

#include <cstddef>

namespace sluice::audibility {

inline constexpr float kMaxCoordinate = 1e7F;  // in world units, either sign
inline constexpr size_t kMaxChannels = 16;     // per player
inline constexpr size_t kMaxBlocks = 1000;     // per player
inline constexpr size_t kMaxNameLength = 128;  // in bytes, of a world, team, channel, tag or rule
inline constexpr size_t kMaxErrors = 20;       // reported by one call

}  // namespace sluice::audibility
