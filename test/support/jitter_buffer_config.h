// A configuration of the jitter buffer for tests and benches that have no filter.
#pragma once

#include "source/media/jitter_buffer.h"

namespace sluice::test {

inline constexpr media::PlayoutDelay::Config kPlayoutDelay{
    .floor = 10ms, .ceiling = 400ms, .quantile = 0.995, .forget = 0.998, .start = 80ms};

inline constexpr media::JitterBuffer::Config kJitterBuffer{.min_frames = 32,
                                                           .max_frames = media::JitterBuffer::kMaxFrames,
                                                           .late_to_grow = 3,
                                                           .growth = 1.5,
                                                           .calm = 30s,
                                                           .shrink = 0.1,
                                                           .delay = kPlayoutDelay};

// One that does not wait for missing frames longer than until their own time.
constexpr media::JitterBuffer::Config impatientBuffer() {
  media::JitterBuffer::Config config = kJitterBuffer;
  config.patient = false;
  return config;
}

}  // namespace sluice::test
