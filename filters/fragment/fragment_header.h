// The header of each fragment of a message. Pure.
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |1 1 1 1|version|          message id           | index | last  |
#pragma once

#include <optional>

#include "source/base/bytes.h"

namespace sluice::fragment {

struct FragmentHeader {
  static constexpr size_t kSize = 4;
  static constexpr size_t kMaxFragments = 16;

  uint16_t id = 0;
  uint8_t index = 0;  // 0 to last
  uint8_t last = 1;   // the last fragment's index, 1 to 15
};

// The first byte of a fragment of version 1, valid or not. Outside all ranges that RFC 7983 assigns.
inline constexpr uint8_t kFirstByte = 0xF1;
inline bool isFragment(Bytes datagram) {
  return !datagram.empty() && datagram[0] == kFirstByte;
}

// Requires isFragment(datagram). nullopt if it is too short or contradicts itself.
inline std::optional<FragmentHeader> parse(Bytes datagram) {
  if (datagram.size() <= FragmentHeader::kSize) return std::nullopt;
  const FragmentHeader header{.id = readU16(&datagram[1]),
                              .index = static_cast<uint8_t>(datagram[3] >> 4),
                              .last = static_cast<uint8_t>(datagram[3] & 0x0F)};
  if (header.last == 0 || header.index > header.last) return std::nullopt;
  return header;
}

inline void write(const FragmentHeader& header, uint8_t* out) {
  out[0] = kFirstByte;
  writeU16(out + 1, header.id);
  out[3] = static_cast<uint8_t>(header.index << 4 | header.last);
}

}  // namespace sluice::fragment
