// Reading and writing STUN attributes for this filter.
#pragma once

#include <array>

#include "source/codec/stun.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

// Comprehension-required attributes that are not understood: reported by error 420.
struct UnknownAttributes {
  // As many as a message can hold.
  std::array<uint16_t, (stun::kMaxMessage - stun::kHeaderSize) / 4> types;
  size_t count = 0;

  void addTo(stun::Writer& writer) const;
};

// `nat_discovery`: the attributes of RFC 5780 are understood.
UnknownAttributes findUnknown(const stun::Message& message, bool nat_discovery);

stun::TransportAddress toStun(const net::Address& address);
net::Address fromStun(const stun::TransportAddress& address);

}  // namespace sluice::stun_turn
