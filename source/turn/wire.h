// Conversions between the wire's values and the program's.
#pragma once

#include <chrono>

#include "source/base/clock.h"
#include "source/codec/stun.h"
#include "source/net/address.h"

namespace sluice::turn {

inline constexpr uint8_t kUdp = 17;  // of REQUESTED-TRANSPORT: an IP protocol number

stun::TransportAddress toStun(const net::Address& address);
net::Address fromStun(const stun::TransportAddress& address);

// The family of REQUESTED-ADDRESS-FAMILY.
constexpr stun::AddressFamily familyOf(bool v6) {
  return v6 ? stun::AddressFamily::kIpv6 : stun::AddressFamily::kIpv4;
}

// The value of LIFETIME.
inline uint32_t inSeconds(Duration duration) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace sluice::turn
