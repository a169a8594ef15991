// libopus' decoder: packets to mono at 48 kHz. Allocates on construction; nothing else allocates or throws.
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
  // The last out.size() samples before `next`, from its LBRR; as conceal() if it has none. out.size() is a
  // multiple of 2.5 ms. Decode `next` itself afterwards.
  size_t decodeFec(Bytes next, MutablePcm out);
  // Conceals out.size() samples from earlier audio; a multiple of 2.5 ms.
  size_t conceal(MutablePcm out);

 private:
  size_t run(Bytes packet, MutablePcm out, bool fec);

  std::unique_ptr<std::byte[]> state_;
};

}  // namespace sluice::media
