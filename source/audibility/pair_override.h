// The settings of a game for one ordered pair of players.
#pragma once

#include <cstdint>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::audibility {

enum class Force : uint8_t { kNone, kOn, kOff };

struct PairOverride {
  uint32_t speaker = 0;
  uint32_t receiver = 0;
  Force force = Force::kNone;    // kNone: the rules decide whether the pair is audible
  float gain = 1;                // a factor of the rules' gain, 0 to 1; for instance occlusion
  float low_pass_hz = 0;         // 0: no filter
  Instant end = Instant::max();  // exclusive

  uint64_t pair() const { return uint64_t{speaker} << 32 | receiver; }
  void archive(Archive& a) { a(speaker, receiver, force, gain, low_pass_hz, end); }
};

}  // namespace sluice::audibility
