// The time units of Opus' RTP timestamps (RFC 7587 section 4.1).
#pragma once

#include <cstdint>

#include "source/base/clock.h"

namespace sluice::media {

inline constexpr int64_t kSampleRate = 48'000;

constexpr Duration samplesToTime(int64_t samples) {
  return Duration{samples * 62'500 / 3};
}

}  // namespace sluice::media
