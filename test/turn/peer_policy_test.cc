#include "source/turn/peer_policy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace sluice::turn {
namespace {

net::Address ip(const std::string& text) {
  return *net::Address::parseIp(text, 7000);
}
net::Prefix prefix(const char* text) {
  return *net::Prefix::parse(text);
}

TEST_CASE("public addresses are allowed; the first and last address of each denied range are denied") {
  const PeerPolicy policy;
  for (const char* text : {"8.8.8.8", "203.0.113.5", "172.15.255.255", "172.32.0.1", "100.63.255.255",
                           "223.255.255.255", "2600::1", "2a00:1450::5"}) {
    CAPTURE(text);
    CHECK(policy.permits(ip(text)));
  }
  for (const char* text : {"0.0.0.0",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.168.0.0",
                           "192.168.255.255",
                           "198.19.255.255",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "100::1",
                           "2002:7f00:1::",
                           "2001::1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "febf::1",
                           "ff02::1"}) {
    CAPTURE(text);
    CHECK_FALSE(policy.permits(ip(text)));
  }
}

net::Address neighbour(const net::Address& address, int step) {
  std::vector<uint8_t> ip(address.ip().begin(), address.ip().end());
  for (size_t i = ip.size(); i-- > 0;) {
    ip[i] = static_cast<uint8_t>(ip[i] + step);
    if (ip[i] != (step > 0 ? 0 : 255)) break;
  }
  return net::Address(ip, 7000);
}

TEST_CASE("each denied range ends at its last address") {
  const PeerPolicy policy;
  const auto& ranges = PeerPolicy::deniedByDefault();
  const auto denied = [&](const net::Address& address) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const auto& range) { return range.contains(address); });
  };
  size_t neighbours = 0;
  for (const net::Prefix& range : ranges) {
    CAPTURE(range.toString());
    CHECK_FALSE(policy.permits(range.first().withPort(7000)));
    CHECK_FALSE(policy.permits(range.last().withPort(7000)));
    for (const net::Address& outside : {neighbour(range.first(), -1), neighbour(range.last(), 1)}) {
      CHECK(policy.permits(outside) == !denied(outside));
      neighbours += !denied(outside);
    }
  }
  CHECK(neighbours > ranges.size());
}

TEST_CASE("an IPv4-mapped IPv6 address is treated as the IPv4 address") {
  CHECK_FALSE(PeerPolicy().permits(net::Address(
      Bytes(std::array<uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1}), 7000)));
}

TEST_CASE("allowed_peers take precedence over denied_peers, and these over this machine's addresses") {
  const PeerPolicy policy({prefix("10.1.0.0/16")}, {prefix("10.1.2.0/24"), prefix("203.0.113.0/24")},
                          {ip("198.51.100.1").withPort(0)});
  CHECK(policy.permits(ip("10.1.2.3")));
  CHECK_FALSE(policy.permits(ip("10.2.0.1")));
  CHECK_FALSE(policy.permits(ip("203.0.113.5")));
  CHECK_FALSE(policy.permits(ip("198.51.100.1")));
  CHECK(policy.permits(ip("198.51.100.2")));
}

}  // namespace
}  // namespace sluice::turn
