// Rebuilds the packets that a stream lost, from the last ones that came and the next one. It decodes only
// when something is missing: decoders forget quickly, so the last few packets tell one all it needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "source/media/opus_decoder.h"
#include "source/media/opus_encoder.h"

namespace sluice::media {

// What rebuilding works with; one serves any number of streams of a thread.
struct ConcealerTools {
  OpusDecoder decoder;
  OpusEncoder encoder;
  // The remembered packets, what is missing after each, and the next two.
  std::array<int16_t, 8 * kMaxPacketSamples> pcm;
};

// A packet like `like` whose frames are all empty: a decoder conceals for as long (RFC 6716 section 4.4), as
// it would by itself. Not shorter, since some take up to two bytes for silence (section 2.1.9).
inline constexpr size_t kEmptyPacketSize = 3;
void writeEmptyPacket(Bytes like, uint8_t* out);

// A packet that begins a pause of a stream whose last packet was `like` (RFC 6716 section 2.1.9).
inline constexpr size_t kDtxPacketSize = 2;
void writeDtxPacket(Bytes like, uint8_t* out);

class Concealer {
 public:
  void reset() { count_ = 0; }
  // Each packet that came, in order.
  void remember(Bytes payload);
  // So many samples are missing after the last one.
  void miss(size_t samples);
  // The last packet that came; empty when there was none.
  Bytes last() const;

  // About what rebuild() costs, as samples to decode.
  size_t cost(size_t samples) const;
  // The packet of `samples` before `next`, from its LBRR. Returns its size; 0 when there is nothing to make
  // it of.
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
  size_t count_ = 0;                        // all that came since the reset
};

}  // namespace sluice::media
