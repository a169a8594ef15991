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
  // The client's current address and ours that it talks to.
  virtual const net::Address& remote() const = 0;
  virtual const net::Address& local() const = 0;
  // Whom signalling announced, if the session began with an ICE username that we gave out; else null.
  virtual const rooms::PlayerPtr& player() const = 0;

  // What signalling gave to the player for ICE checks with this local ufrag; null: nothing. Two are valid
  // after an ICE restart, until the first authenticated check with the new ones. Valid until the next packet.
  virtual const rooms::IceCredentials* iceCredentials(std::string_view local_ufrag) const = 0;

  // The packet, which came from the client, is an authenticated check: its address pair now counts as the
  // client's. Bounded; false when the session has too many.
  virtual bool authenticate(const net::Packet& check) = 0;
  // Did the packet come on an authenticated address pair?
  virtual bool isAuthenticated(const net::Packet& packet) const = 0;
  // Is the pair that egress takes authenticated?
  virtual bool isAuthenticated() const = 0;
  // The client has nothing here any longer that authenticating gave it: it may make room for others, and ends
  // as one that never authenticated does.
  virtual void unauthenticate() = 0;
  // Egress takes this address pair from now on, if it is authenticated.
  virtual void select(const net::Address& remote, const net::Address& local) = 0;

  // Traffic towards the client that shows that the session is in use, an upstream's answer for instance; what
  // the client sends counts by itself. On a chain that does not authenticate, a session for which this is
  // never called makes room for others first.
  virtual void keepAlive() = 0;
  // The session is in use until then, even in silence.
  virtual void keepAliveUntil(Instant until) = 0;

  // Another process has this session now: what is still held may go out, but nothing new may be said.
  virtual bool isHandedOver() const { return false; }

  // Ends the session after the current turn. `reason` is a literal; it becomes a metric's label.
  virtual void close(std::string_view reason) = 0;
};

}  // namespace sluice::chain
