// A client's session as its filters see it. Implemented by the runtime, and by a fake in tests.
#pragma once

#include <cstdint>
#include <string_view>

#include "source/base/clock.h"
#include "source/net/packet.h"
#include "source/rooms/player.h"

namespace sluice::chain {

class Session {
 public:
  virtual ~Session() = default;

  virtual uint64_t id() const = 0;  // unique in the process
  // The client's current address, and the local address that it sends to.
  virtual const net::Address& remote() const = 0;
  virtual const net::Address& local() const = 0;
  // The player that signalling announced, if the session began with an ICE username that this server issued;
  // otherwise null.
  virtual const rooms::PlayerPtr& player() const = 0;

  // The credentials that signalling gave the player for ICE checks with this local ufrag; null if there are
  // none. Two are valid after an ICE restart, until the first authenticated check with the new ones. The
  // pointer is valid until the next packet.
  virtual const rooms::IceCredentials* iceCredentials(std::string_view local_ufrag) const = 0;

  // `check` arrived from the client and is authenticated: its address pair now counts as the client's.
  // Bounded; false when the session has too many.
  virtual bool authenticate(const net::Packet& check) = 0;
  // True if the packet arrived on an authenticated address pair.
  virtual bool isAuthenticated(const net::Packet& packet) const = 0;
  // True if the pair that egress uses is authenticated.
  virtual bool isAuthenticated() const = 0;
  // The client no longer has anything that needs authentication: the session may be evicted, and times out
  // like one that never authenticated.
  virtual void unauthenticate() = 0;
  // Egress uses this address pair from now on, if it is authenticated.
  virtual void select(const net::Address& remote, const net::Address& local) = 0;

  // Reports traffic towards the client that shows that the session is in use, for instance the response of an
  // upstream; packets from the client count by themselves. On a chain that does not authenticate, sessions
  // for which this is never called are evicted first.
  virtual void keepAlive() = 0;
  // The session counts as in use until then, even without traffic.
  virtual void keepAliveUntil(Instant until) = 0;

  // Another process owns the session now: packets that are still held may be sent, but no new ones.
  virtual bool isHandedOver() const { return false; }

  // Ends the session after the current iteration of the loop. `reason` is a literal; a metric's label.
  virtual void close(std::string_view reason) = 0;
};

}  // namespace sluice::chain
