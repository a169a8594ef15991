#include "source/crypto/sent_numbers.h"

#include <algorithm>
#include <cstring>

#include "source/base/hash.h"

namespace sluice::crypto {
namespace {

uint64_t load(const uint8_t* data, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, data, size);
  return word;
}

// A keyed fingerprint; never 0. Two lanes, so that one multiplication does not wait for the other.
uint64_t printOf(Bytes packet, uint64_t seed) {
  const uint8_t* at = packet.data();
  size_t left = packet.size();
  uint64_t a = seed ^ left, b = ~seed;
  const auto stir = [](uint64_t lane, uint64_t word) { return multiplyAndFold(lane ^ word); };
  for (; left >= 16; at += 16, left -= 16) {
    a = stir(a, load(at, 8));
    b = stir(b, load(at + 8, 8));
  }
  a = stir(a, load(at, std::min<size_t>(left, 8)));
  if (left > 8) b = stir(b, load(at + 8, left - 8));
  return stir(a, b) | 1;
}

}  // namespace

bool SentNumbers::admit(uint16_t number, Bytes packet, uint64_t seed) {
  const uint64_t print = printOf(packet, seed);
  uint64_t& place = prints_[number % kWindow];
  if (!started_) {
    started_ = true;
    highest_ = number;
  }
  const auto ahead = static_cast<int16_t>(number - highest_);
  if (ahead <= -static_cast<int>(kWindow)) return false;
  if (ahead > 0) {
    const int skipped = std::min<int>(ahead, kWindow);
    for (int i = 0; i < skipped; ++i) prints_[static_cast<uint16_t>(number - i) % kWindow] = 0;
    highest_ = number;
  }
  if (place == 0) place = print;
  return place == print;
}

void SentNumbers::archive(Archive& a) {
  constexpr uint64_t kUsed = 2;  // not a fingerprint: those are odd
  std::bitset<kWindow> used;
  for (size_t i = 0; i < kWindow; ++i) used[i] = prints_[i] != 0;
  a(highest_, started_, used);
  if (!a.isReading()) return;
  for (size_t i = 0; i < kWindow; ++i) prints_[i] = used[i] ? kUsed : 0;
}

}  // namespace sluice::crypto
