// Hash functions that give the same result in every process. Not for keys that an attacker may choose, unless
// they include a random seed.
#pragma once

#include <cstdint>

#include "source/base/bytes.h"

namespace sluice {

// 2^64 divided by the golden ratio: odd, with an even spread of bits.
inline constexpr uint64_t kGoldenRatio64 = 0x9E3779B97F4A7C15;

// FNV-1a. To hash several pieces, pass the hash of the previous ones as `hash`.
inline constexpr uint64_t kFnvBasis = 0xcbf29ce484222325;
inline uint64_t fnv1a(Bytes bytes, uint64_t hash = kFnvBasis) {
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

// A cheap mixer: every bit of `word` affects the upper half of the result, and that half the lower one.
constexpr uint64_t multiplyAndFold(uint64_t word) {
  const uint64_t product = word * kGoldenRatio64;
  return product ^ product >> 32;
}

// The output function of SplitMix64: every bit of `state` affects every bit of the result. The generator's
// states are multiples of kGoldenRatio64, plus a seed.
constexpr uint64_t splitMix64(uint64_t state) {
  state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9;
  state = (state ^ state >> 27) * 0x94D049BB133111EB;
  return state ^ state >> 31;
}

}  // namespace sluice
