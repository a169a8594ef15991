// libopus' decoder: packets to mono at 48 kHz. Takes its memory when it is made; nothing else allocates or
// throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "source/base/bytes.h"

namespace sluice::media {

using Pcm = std::span<const int16_t>;
using MutablePcm = std::span<int16_t>;

inline constexpr size_t kMaxPacketSamples = 5760;  // 120 ms, the longest packet

class OpusDecoder {
 public:
  OpusDecoder();

  // Forgets all audio.
  void reset();

  // All three write from the beginning of `out` and return how many samples; 0 when the packet is malformed.
  // kMaxPacketSamples are always enough.
  size_t decode(Bytes packet, MutablePcm out);
  // The last out.size() samples before `next`, from its LBRR; as conceal() where it has none. Whole multiples
  // of 2.5 ms. Decode `next` itself after it.
  size_t decodeFec(Bytes next, MutablePcm out);
  // Guesses out.size() samples from what came before. Whole multiples of 2.5 ms.
  size_t conceal(MutablePcm out);

 private:
  size_t run(Bytes packet, MutablePcm out, bool fec);

  std::unique_ptr<std::byte[]> state_;
};

}  // namespace sluice::media
