// The server side of NAT behaviour discovery (RFC 5780): responses from another of the server's addresses,
// and the attributes that contain these addresses. Pure.
#pragma once

#include <optional>

#include "source/codec/stun_writer.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

// Two IP addresses and two ports: the listener has all four combinations.
struct NatDiscovery {
  net::Address primary;
  net::Address other;  // both its IP address and its port differ
  bool operator==(const NatDiscovery&) const = default;

  // The addresses and attributes of a response to a Binding request.
  struct Reply {
    std::optional<stun::ErrorCode> error;
    net::Address from;       // where the response is sent from
    net::Address to;         // the client, or another port of the client
    net::Address other;      // OTHER-ADDRESS
    bool elsewhere = false;  // not back along the request's path
    size_t padding = 0;      // bytes
  };
  // `local`: the address at which the request arrived.
  Reply plan(const stun::Message& request, const net::Address& client, const net::Address& local) const;

  // Adds the attributes of section 6.1, as far as the message stays below `limit` bytes.
  static void addTo(stun::Writer& writer, const Reply& reply, const net::Address& client, size_t limit);
};

}  // namespace sluice::stun_turn
