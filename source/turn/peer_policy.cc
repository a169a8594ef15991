#include "source/turn/peer_policy.h"

#include <algorithm>

namespace sluice::turn {
namespace {

// RFC 6890 and its registries: all that is not global unicast; global unicast in IPv6 is 2000::/3 without the
// addresses reserved for protocols. IPv6 ranges that embed an IPv4 address lead to that address.
constexpr std::string_view kDenied[] = {
    "0.0.0.0/8",    "10.0.0.0/8",     "100.64.0.0/10",  "127.0.0.0/8",   "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4",    "240.0.0.0/4",
    "::/3",         "2001::/23",      "2002::/16",      "4000::/2",      "8000::/1",
};

bool covers(const std::vector<net::Prefix>& prefixes, const net::Address& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const net::Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace

const std::vector<net::Prefix>& PeerPolicy::deniedByDefault() {
  static const std::vector<net::Prefix> prefixes = [] {
    std::vector<net::Prefix> all;
    for (const std::string_view text : kDenied) all.push_back(*net::Prefix::parse(text));
    return all;
  }();
  return prefixes;
}

bool PeerPolicy::isTunnel(const net::Address& address) {
  static const std::vector<net::Prefix> tunnels{*net::Prefix::parse("2001::/32"),
                                                *net::Prefix::parse("2002::/16")};
  return covers(tunnels, address);
}

PeerPolicy::PeerPolicy(std::vector<net::Prefix> allowed, std::vector<net::Prefix> denied,
                       std::set<net::Address> own)
    : allowed_(std::move(allowed)), denied_(std::move(denied)), own_(std::move(own)) {}

bool PeerPolicy::permits(const net::Address& peer) const {
  if (isTunnel(peer)) return false;
  if (covers(allowed_, peer)) return true;
  return !covers(denied_, peer) && !covers(deniedByDefault(), peer) && !own_.contains(peer.withPort(0));
}

}  // namespace sluice::turn
