// Constants and functions that the reader and the writer of STUN messages share. Other code does not include
// it.
#pragma once

#include "source/codec/stun.h"

namespace sluice::stun::internals {

constexpr uint32_t kFingerprintXor = 0x5354554E;  // RFC 8489 section 14.7

// The HMAC over the first `offset` bytes with a length that ends after an attribute of `size` bytes there.
void computeIntegrity(Bytes message, size_t offset, size_t size, Bytes key, Hmac hmac, uint8_t* out);

// Section 14.2: the port and address are XORed with the magic cookie and the transaction id.
void applyXor(TransportAddress& address, const uint8_t* cookie_and_id);

}  // namespace sluice::stun::internals
