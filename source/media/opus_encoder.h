// libopus' encoder: mono at 48 kHz to packets. Allocates on construction; nothing else allocates or throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "source/base/bytes.h"
#include "source/media/profile.h"

namespace sluice::media {

inline constexpr size_t kMaxOpusFrame = 1275;  // bytes (RFC 6716 section 3.4, R2)

class OpusEncoder {
 public:
  // The delay from the encoder's input to a decoder's output, in samples: 6.5 ms.
  static constexpr size_t kLookAhead = 312;

  OpusEncoder();

  // Forgets all audio; keeps the profile.
  void reset();
  void apply(const Profile& profile);

  // `pcm` is one frame: 10, 20, 40 or 60 ms. Returns the packet's size in bytes; 0 if it cannot be made.
  size_t encode(std::span<const int16_t> pcm, MutableBytes out);

 private:
  std::unique_ptr<std::byte[]> state_;
};

}  // namespace sluice::media
