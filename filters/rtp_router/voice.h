// Describes a voice packet on its way from a speaker to receivers; the packet's data is the decrypted RTP
// packet as received.
#pragma once

#include <cstdint>

#include "source/media/speech_detector.h"

namespace sluice::rtp_router {

struct Voice {
  uint32_t room;     // Room::number()
  uint32_t speaker;  // Player::number
  uint32_t csrc;
  uint32_t stream;  // Speaker::stream(): changes where the speaker's sequence numbers restart
  uint32_t index;   // the speaker's packets are numbered as they are distributed, whatever was lost before
  uint16_t payload_at;  // offset of the payload, which ends with the packet
  uint8_t level;        // RFC 6464, as in the extension
  bool has_level;
  media::SpeechDetector::Speech speech;
};

}  // namespace sluice::rtp_router
