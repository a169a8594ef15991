// Rebuilds the lost packets of a stream from the last ones that arrived and the next one. It decodes only
// when something is missing. Older packets hardly affect a decoder's state, so a decoder needs only the last
// few.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "source/media/opus_decoder.h"
#include "source/media/opus_encoder.h"

namespace sluice::media {

// The tools for rebuilding; one set serves any number of streams of a thread.
struct ConcealerTools {
  OpusDecoder decoder;
  OpusEncoder encoder;
  // The remembered packets, what is missing after each, and the next two.
  std::array<int16_t, 8 * kMaxPacketSamples> pcm;
};

// A packet like `like` whose frames are all empty: a decoder conceals for their duration (RFC 6716 section
// 4.4), as it would without the packet. Not shorter, since some receivers take up to two bytes for silence
// (section 2.1.9).
inline constexpr size_t kEmptyPacketSize = 3;
void writeEmptyPacket(Bytes like, uint8_t* out);

// A packet that begins a pause of a stream whose last packet was `like` (RFC 6716 section 2.1.9).
inline constexpr size_t kDtxPacketSize = 2;
void writeDtxPacket(Bytes like, uint8_t* out);

class Concealer {
 public:
  void reset() { count_ = 0; }
  // Call it for each packet that arrived, in order.
  void remember(Bytes payload);
  // `samples` are missing after the last packet.
  void miss(size_t samples);
  // The last packet that arrived; empty if there was none.
  Bytes last() const;

  // The approximate cost of rebuild(), in samples to decode.
  size_t cost(size_t samples) const;
  // Rebuilds the packet of `samples` before `next`, from the LBRR of `next`. Returns its size in bytes; 0 if
  // it cannot be made.
  size_t rebuild(ConcealerTools& tools, Bytes next, size_t samples, MutableBytes out) const;

 private:
  static constexpr size_t kRemembered = 3;
  static constexpr size_t kMaxSize = 1500;  // longer ones are not remembered

  struct Recent {
    uint16_t size = 0;
    uint16_t missing = 0;  // samples after it
    std::array<uint8_t, kMaxSize> bytes;
  };

  std::array<Recent, kRemembered> recent_;  // a ring
  size_t count_ = 0;                        // all that arrived since the reset
};

}  // namespace sluice::media
