// Classifies a datagram by its first bytes (RFC 7983 section 7, RFC 5761 section 4).
#pragma once

#include <cstdint>

#include "source/base/bytes.h"

namespace sluice {

enum class PacketKind : uint8_t {
  kStun,         // Binding
  kTurn,         // STUN messages with any other method
  kTurnChannel,  // ChannelData
  kDtls,
  kRtp,
  kRtcp,
  kOther
};

constexpr uint32_t kStunMagicCookie = 0x2112A442;

inline PacketKind classify(Bytes datagram) {
  if (datagram.empty()) return PacketKind::kOther;
  const uint8_t first = datagram[0];
  if (first <= 3) {
    const bool stun = datagram.size() >= 20 && readU32(&datagram[4]) == kStunMagicCookie;
    if (!stun) return PacketKind::kOther;
    const bool binding = (readU16(&datagram[0]) & 0xFEEF) == 0x0001;  // without the class bits
    return binding ? PacketKind::kStun : PacketKind::kTurn;
  }
  if (first >= 20 && first <= 63) return PacketKind::kDtls;
  // RFC 7983 ends TURN channels at 79; clients of RFC 5766 use up to 127, a range that nothing else uses.
  if (first >= 64 && first <= 127) return PacketKind::kTurnChannel;
  if (first >= 128 && first <= 191 && datagram.size() >= 2) {
    return datagram[1] >= 192 && datagram[1] <= 223 ? PacketKind::kRtcp : PacketKind::kRtp;
  }
  return PacketKind::kOther;
}

}  // namespace sluice
