// A full, controlling ICE agent with one candidate pair (RFC 8445): it sends checks, nominates at once and
// keeps its consent fresh (RFC 7675). Sans-IO: the owner sends its output and passes it what is received.
#pragma once

#include <optional>

#include "source/base/clock.h"
#include "source/codec/stun.h"
#include "source/rooms/player.h"

namespace sluice::load {

class IceAgent {
 public:
  IceAgent(rooms::IceCredentials local, rooms::IceCredentials remote);

  // Call it about every 50 ms: writes a request, if one is due, and returns its size.
  std::optional<size_t> poll(Instant now, MutableBytes out);
  // Handles a received STUN message; returns the size of a response to send, if it needs one.
  std::optional<size_t> onStun(Bytes datagram, Instant now, MutableBytes out);

  bool connected() const { return last_response_.has_value(); }
  // RFC 7675 section 5.1: no response for 30 s.
  bool expired(Instant now) const { return connected() && now - *last_response_ > 30s; }

 private:
  std::optional<size_t> request(MutableBytes out);

  const rooms::IceCredentials local_;
  const rooms::IceCredentials remote_;
  const uint64_t tie_breaker_;
  stun::TransactionId id_{};
  std::optional<Instant> last_request_;
  std::optional<Instant> last_response_;
};

}  // namespace sluice::load
