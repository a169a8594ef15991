// Sound as the benchmark has it: 48 kHz, mono, 16 bits, in frames of 20 ms.
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

// A RIFF WAVE file with 16-bit mono PCM, resampled. Its lengths may be nonsense, as those of a stream are.
// Empty when it is something else.
Samples readWav(Bytes file);

// What espeak-ng says in one of its voices, e.g. "en-us+f3". Ends the program when it cannot.
Samples speak(const char* voice, const char* text);

}  // namespace sluice::quality
