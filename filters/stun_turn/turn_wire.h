// Wire constants and helpers that TURN's requests share.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "source/base/bytes.h"
#include "source/base/clock.h"

namespace sluice::stun_turn {

inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kIpv4 = 1, kIpv6 = 2;  // address families

inline std::string_view reasonOf(unsigned code) {
  switch (code) {
    case 300:
      return "Try Alternate";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 420:
      return "Unknown Attribute";
    case 437:
      return "Allocation Mismatch";
    case 440:
      return "Address Family not Supported";
    case 441:
      return "Wrong Credentials";
    case 442:
      return "Unsupported Transport Protocol";
    case 443:
      return "Peer Address Family Mismatch";
    case 486:
      return "Allocation Quota Reached";
    default:
      return "Insufficient Capacity";
  }
}

// The family of REQUESTED- or ADDITIONAL-ADDRESS-FAMILY; nothing if the attribute is malformed.
inline std::optional<uint8_t> familyOf(Bytes value) {
  if (value.size() != 4) return std::nullopt;
  return value[0];
}

inline uint32_t inSeconds(Duration duration) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace sluice::stun_turn
