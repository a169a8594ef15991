// The contents of TURN requests (RFC 8656): what the attributes ask for, checked as far as no state is
// needed. Pure.
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
  bool reserve = false;         // its R bit: the port above is to be reserved
  std::optional<stun::ReservationToken> token;  // of a port that was reserved before
};

// The checks of section 7.2 in its order: returns the error that refuses the request, or nothing and fills
// `out`.
std::optional<stun::ErrorCode> parseAllocate(const stun::Message& request, AllocateRequest& out);

// Section 12.2.
struct ChannelBindRequest {
  uint16_t channel;   // Allocation::kFirstChannel to `last_channel`
  net::Address peer;  // as the client knows it
};

// Nothing if the request is malformed (error 400).
std::optional<ChannelBindRequest> parseChannelBind(const stun::Message& request, uint16_t last_channel);

}  // namespace sluice::turn
