// The benchmark's audio format: 48 kHz, mono, 16 bits, in frames of 20 ms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "source/base/bytes.h"
#include "source/base/clock.h"

namespace sluice::quality {

constexpr int kRate = 48'000;
constexpr size_t kFrameSamples = 960;
constexpr Duration kFrame = 20ms;

using Samples = std::vector<int16_t>;

// Reads a RIFF WAVE file with 16-bit mono PCM and resamples it. Its lengths may be invalid, as in a stream.
// Empty if the file has another format.
Samples readWav(Bytes file);

// Synthesizes `text` with an espeak-ng voice, e.g. "en-us+f3". Ends the program on failure.
Samples speak(const char* voice, const char* text);

}  // namespace sluice::quality
