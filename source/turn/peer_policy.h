// The peers with which a TURN client may communicate. Safe by default: only public unicast addresses, and
// none of this machine.
#pragma once

#include <set>
#include <vector>

#include "source/net/address.h"

namespace sluice::turn {

class PeerPolicy {
 public:
  PeerPolicy() = default;
  // `own`: this machine's IP addresses, port 0.
  PeerPolicy(std::vector<net::Prefix> allowed, std::vector<net::Prefix> denied, std::set<net::Address> own);

  // Decides by IP address alone. An address that it denies may still be a relay or a listener of this server,
  // which the caller checks.
  bool permits(const net::Address& peer) const;

  const std::set<net::Address>& own() const { return own_; }

  static const std::vector<net::Prefix>& deniedByDefault();
  // Teredo and 6to4, which may be neither clients nor peers (RFC 8656 section 21.4).
  static bool isTunnel(const net::Address& address);

 private:
  std::vector<net::Prefix> allowed_;
  std::vector<net::Prefix> denied_;
  std::set<net::Address> own_;
};

}  // namespace sluice::turn
