// CRC-32 of ISO 3309 / ITU-T V.42, as STUN's FINGERPRINT uses it.
#pragma once

#include <array>

#include "source/base/bytes.h"

namespace sluice {

inline uint32_t crc32(Bytes bytes) {
  static constexpr auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? c >> 1 ^ 0xEDB88320 : c >> 1;
      table[i] = c;
    }
    return table;
  }();
  uint32_t crc = 0xFFFFFFFF;
  for (const uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 0xFF] ^ crc >> 8;
  return ~crc;
}

}  // namespace sluice
