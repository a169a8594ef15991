// Decodes one stream and encodes it anew: packets in, frames of the profile's length out, on the same
// timeline. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "source/media/opus_decoder.h"
#include "source/media/opus_encoder.h"

namespace sluice::opus_filter {

class Transcoder {
 public:
  struct Frame {
    size_t size;
    uint32_t timestamp;
  };

  // Forgets all audio; the profile stays.
  void reset();
  void apply(const media::Profile& profile);
  const media::Profile& profile() const { return profile_; }

  // What waits to become a whole frame is completed with concealment, as far as there is time before
  // `timestamp`. Returns how many samples that took.
  size_t completeUntil(uint32_t timestamp);
  // What is added next is of this time, unless it belongs to a frame that waits.
  void startAt(uint32_t timestamp);
  // False, and nothing is added, when the packet is malformed.
  bool add(Bytes packet);
  // From the LBRR of `next`, or by concealment when that is empty.
  void addMissing(Bytes next, size_t samples);

  // The next frame, when there is enough audio.
  std::optional<Frame> encode(MutableBytes out);

 private:
  uint32_t end() const { return timestamp_ + static_cast<uint32_t>(size_); }
  media::MutablePcm room() { return media::MutablePcm(audio_).subspan(kPast + size_); }

  media::OpusDecoder decoder_;
  media::OpusEncoder encoder_;
  media::Profile profile_{};
  static constexpr size_t kPast = 960;
  std::array<int16_t, kPast + 2 * media::kMaxPacketSamples> audio_{};  // encoded last, then what waits
  size_t size_ = 0;                                                    // of what waits
  uint32_t timestamp_ = 0;                                             // of its beginning
  bool started_ = false;
};

}  // namespace sluice::opus_filter
