#include "source/codec/rtcp_feedback.h"

#include <algorithm>
#include <bit>

namespace sluice::rtcp {
namespace {

constexpr uint32_t kRembIdentifier = 0x52454D42;  // "REMB"

// A number as exponent and mantissa of `mantissa_bits`, rounded down.
struct Scaled {
  uint32_t exponent;
  uint32_t mantissa;
};
Scaled scale(uint64_t value, int mantissa_bits) {
  const int excess = std::max(0, static_cast<int>(std::bit_width(value)) - mantissa_bits);
  return {static_cast<uint32_t>(excess), static_cast<uint32_t>(value >> excess)};
}

// Nothing if it does not fit in 64 bits.
std::optional<uint64_t> unscale(uint32_t exponent, uint64_t mantissa) {
  if (mantissa != 0 && std::bit_width(mantissa) + static_cast<int>(exponent) > 64) return std::nullopt;
  return mantissa << exponent;
}

}  // namespace

//   | "REMB" | number of SSRCs (8) | exponent (6) | mantissa (18) | SSRCs |
std::optional<uint64_t> readRemb(const Packet& packet) {
  if (packet.type != kPayloadFeedback || packet.count != kRembFormat || packet.body.size() < 16)
    return std::nullopt;
  if (readU32(&packet.body[8]) != kRembIdentifier) return std::nullopt;
  const uint32_t rate = readU24(&packet.body[13]);
  return unscale(rate >> 18, rate & 0x3FFFF);
}

//   | SSRC | exponent (6) | mantissa (17) | measured overhead (9) |
std::optional<uint64_t> readTmmbr(const Packet& packet, uint32_t ssrc) {
  if (packet.type != kTransportFeedback || packet.count != kTmmbrFormat) return std::nullopt;
  for (size_t at = 8; at + 8 <= packet.body.size(); at += 8) {
    if (readU32(&packet.body[at]) != ssrc) continue;
    const uint32_t rate = readU32(&packet.body[at + 4]);
    return unscale(rate >> 26, rate >> 9 & 0x1FFFF);
  }
  return std::nullopt;
}

void addNack(Writer& writer, uint32_t sender, uint32_t media, std::span<const uint16_t> sequences) {
  // The entries are counted first: the common header contains the packet's length.
  const auto follows = [](uint16_t first, uint16_t sequence) {
    const auto distance = static_cast<uint16_t>(sequence - first);
    return distance >= 1 && distance <= 16;
  };
  size_t entries = 0;
  for (size_t i = 0; i < sequences.size(); ++entries) {
    const uint16_t first = sequences[i++];
    while (i < sequences.size() && follows(first, sequences[i])) ++i;
  }
  if (entries == 0) return;
  uint8_t* at = writer.add(kTransportFeedback, kNackFormat, 8 + 4 * entries);
  if (at == nullptr) return;
  writeU32(at, sender);
  writeU32(at + 4, media);
  at += 8;
  for (size_t i = 0; i < sequences.size(); at += 4) {
    const uint16_t first = sequences[i++];
    uint16_t following = 0;
    for (; i < sequences.size() && follows(first, sequences[i]); ++i) {
      following = static_cast<uint16_t>(following | 1u << (static_cast<uint16_t>(sequences[i] - first) - 1));
    }
    writeU16(at, first);
    writeU16(at + 2, following);
  }
}

void addRemb(Writer& writer, uint32_t sender, uint32_t media, uint64_t bps) {
  uint8_t* at = writer.add(kPayloadFeedback, kRembFormat, 20);
  if (at == nullptr) return;
  const Scaled rate = scale(bps, 18);
  writeU32(at, sender);
  writeU32(at + 4, 0);  // the media source is named below
  writeU32(at + 8, kRembIdentifier);
  at[12] = 1;
  writeU24(at + 13, rate.exponent << 18 | rate.mantissa);
  writeU32(at + 16, media);
}

void addTmmbr(Writer& writer, uint32_t sender, uint32_t media, uint64_t bps, uint16_t overhead_bytes) {
  uint8_t* at = writer.add(kTransportFeedback, kTmmbrFormat, 16);
  if (at == nullptr) return;
  const Scaled rate = scale(bps, 17);
  writeU32(at, sender);
  writeU32(at + 4, 0);  // as RFC 5104 section 4.2.1.2 requires
  writeU32(at + 8, media);
  writeU32(at + 12, rate.exponent << 26 | rate.mantissa << 9 | (overhead_bytes & 0x1FFu));
}

}  // namespace sluice::rtcp
