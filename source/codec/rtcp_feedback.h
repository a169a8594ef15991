// RTCP feedback (RFC 4585 section 6): NACK, TMMBR (RFC 5104 section 4.2.1) and REMB
// (draft-alvestrand-rmcat-remb-03).
//
//   |          SSRC of packet sender          |
//   |          SSRC of media source           |
//   :   feedback control information (FCI)    :
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "source/codec/rtcp.h"

namespace sluice::rtcp {

constexpr uint8_t kNackFormat = 1;
constexpr uint8_t kTmmbrFormat = 3;
constexpr uint8_t kRembFormat = 15;

// Calls `lost(media_ssrc, sequence)` for each packet that a NACK requests (RFC 4585 section 6.2.1).
template <typename Lost>
void forEachLost(const Packet& packet, Lost&& lost) {
  if (packet.type != kTransportFeedback || packet.count != kNackFormat || packet.body.size() < 8) return;
  const uint32_t media = readU32(&packet.body[4]);
  for (size_t at = 8; at + 4 <= packet.body.size(); at += 4) {
    const uint16_t first = readU16(&packet.body[at]);
    const uint16_t following = readU16(&packet.body[at + 2]);
    lost(media, first);
    for (int bit = 0; bit < 16; ++bit) {
      if ((following >> bit & 1) != 0) lost(media, static_cast<uint16_t>(first + bit + 1));
    }
  }
}

// The bit rate that all streams of the receiver may have together, in bits per second.
std::optional<uint64_t> readRemb(const Packet& packet);

// The bit rate that `ssrc` may have, in bits per second, overhead included.
std::optional<uint64_t> readTmmbr(const Packet& packet, uint32_t ssrc);

// Add to a compound. `sender` is the SSRC of the sender of the report. `sequences` must rise, modulo 65536;
// neighbours share an entry.
void addNack(Writer& writer, uint32_t sender, uint32_t media, std::span<const uint16_t> sequences);
void addRemb(Writer& writer, uint32_t sender, uint32_t media, uint64_t bps);
void addTmmbr(Writer& writer, uint32_t sender, uint32_t media, uint64_t bps, uint16_t overhead_bytes);

}  // namespace sluice::rtcp
