// Test voice: short melodies, synthesised and encoded once.
#pragma once

#include <cstdint>
#include <vector>

#include "source/base/result.h"

namespace sluice::load {

constexpr unsigned kFrameMs = 20;
constexpr uint32_t kTimestampStep = 960;  // RTP timestamp units of a frame at 48 kHz

// One Opus packet for each 20 ms.
using Melody = std::vector<std::vector<uint8_t>>;

// Mono, 48 kHz. `voice` chooses the register and the tune.
Result<Melody> makeMelody(unsigned voice);
// The packets that an open microphone sends while its player is silent.
Result<Melody> makeSilence();

}  // namespace sluice::load
