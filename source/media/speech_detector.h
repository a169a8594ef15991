// Decides which packets of one speaker are speech, and how loud the speaker is. Pure.
//
// An open microphone sends packets whether or not anyone speaks into it, so a packet alone is no sign of
// speech. For each packet, the detector gets either the level that its sender measured (RFC 6464) or the
// activity that the Opus frame signals.
#pragma once

#include <cstdint>
#include <optional>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::media {

class SpeechDetector {
 public:
  struct Speech {
    bool active = false;   // this packet is speech
    uint8_t loudness = 0;  // of the speaker, smoothed: dB above -127 dBov, 0 to 127
  };

  // `level` in -dBov, 0 (loudest) to 127 (silence). Steady background noise below -40 dBov is not speech: the
  // detector adapts to its level within some seconds.
  Speech onLevel(uint8_t level, Instant now);
  // `active`: as in opus::PacketInfo. If empty, the packet counts as speech.
  Speech onFrame(std::optional<bool> active, Instant now);

  void archive(Archive& a) { a(floor_, loudness_, at_); }

 private:
  Speech update(bool active, float loudness, Instant now);

  float floor_ = 0;     // of the background noise, in dB above -127 dBov
  float loudness_ = 0;  // smoothed
  Instant at_{};        // of the last packet
};

}  // namespace sluice::media
