// Parses TURN requests (RFC 8656), with the checks that need no state. Pure.
#pragma once

#include <optional>

#include "source/codec/stun.h"
#include "source/codec/stun_error.h"
#include "source/net/address.h"

namespace sluice::turn {

// Section 7.2.
struct AllocateRequest {
  bool v4 = false, v6 = false;  // the families of the relayed addresses; none if there is a token
  bool even = false;            // EVEN-PORT
  bool reserve = false;         // its R bit: reserve the next higher port
  std::optional<stun::ReservationToken> token;  // of a port that was reserved before
};

// Makes the checks of section 7.2 in its order. Returns the error that refuses the request; or fills `out`
// and returns nothing.
std::optional<stun::ErrorCode> parseAllocate(const stun::Message& request, AllocateRequest& out);

// Section 12.2.
struct ChannelBindRequest {
  uint16_t channel;   // Allocation::kFirstChannel to `last_channel`
  net::Address peer;  // the external address, which the client uses
};

// Nothing if the request is malformed (error 400).
std::optional<ChannelBindRequest> parseChannelBind(const stun::Message& request, uint16_t last_channel);

}  // namespace sluice::turn
