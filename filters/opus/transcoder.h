// Decodes one stream and encodes it again: packets in, frames of the profile's length out, on the same
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
  // The profile's frames must be at most 20 ms.
  void apply(const media::Profile& profile);
  const media::Profile& profile() const { return profile_; }

  // Completes a partial frame by concealment, as far as there is time before `timestamp`. Returns the number
  // of samples added.
  size_t completeUntil(uint32_t timestamp);
  // Sets the time of the audio that is added next, unless it continues a partial frame.
  void startAt(uint32_t timestamp);
  // False if the packet is malformed; nothing is added then.
  bool add(Bytes packet);
  // Adds missing audio from the LBRR of `next`, or by concealment if `next` is empty.
  void addMissing(Bytes next, size_t samples);

  // The next frame, if there is enough audio.
  std::optional<Frame> encode(MutableBytes out);

 private:
  uint32_t end() const { return timestamp_ + static_cast<uint32_t>(size_); }
  media::MutablePcm room() { return media::MutablePcm(audio_).subspan(kPast + size_); }

  media::OpusDecoder decoder_;
  media::OpusEncoder encoder_;
  media::Profile profile_{};
  static constexpr size_t kPast = 960;
  std::array<int16_t, kPast + 2 * media::kMaxPacketSamples> audio_{};  // last encoded, then waiting
  size_t size_ = 0;                                                    // of the waiting audio
  uint32_t timestamp_ = 0;                                             // of the first waiting sample
  bool started_ = false;
};

}  // namespace sluice::opus_filter
