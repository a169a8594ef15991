// A synthetic voice for tests: vowels with formants on a gliding pitch, hisses and pauses. And the distance
// between two recordings.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::test {

// Mono at 48 kHz; the same for the same arguments. `pitch_hz` about 100 (deep) to 250 (high).
std::vector<int16_t> voiceSignal(double seconds, double pitch_hz, unsigned seed = 1);

// Log-spectral distance in dB, 0 to 8 kHz, mean over frames of 20 ms; frames where the reference is silent
// are left out.
double logSpectralDistance(std::span<const int16_t> reference, std::span<const int16_t> other);

}  // namespace sluice::test
