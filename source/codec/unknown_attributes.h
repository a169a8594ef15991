// Comprehension-required attributes that the receiver of a message does not understand (RFC 8489 section
// 6.3.1): reported by error 420.
#pragma once

#include <array>
#include <cstdint>

#include "source/codec/stun_writer.h"

namespace sluice::stun {

struct UnknownAttributes {
  // As many as a message can hold. Only the first `count` are set.
  std::array<uint16_t, (kMaxMessage - kHeaderSize) / 4> types;
  size_t count = 0;

  bool empty() const { return count == 0; }
  // Adds a type once.
  void add(uint16_t type);
  // Adds UNKNOWN-ATTRIBUTES.
  void addTo(Writer& writer) const;
};

// Returns the attributes of `message` that are not understood: those that kAttributes lacks and, unless
// `nat_discovery` is set, those of RFC 5780.
UnknownAttributes findUnknown(const Message& message, bool nat_discovery);

}  // namespace sluice::stun
