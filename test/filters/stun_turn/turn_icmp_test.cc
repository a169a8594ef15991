// RFC 8656 sections 11.5 and 18.13: ICMP errors that relayed datagrams caused.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::string kPeerV6 = "[2a01:4f8::5]:7000";

struct Session {
  TurnServer server{kBothFamilies};
  TurnClient client{server};

  Session() {
    client.allocate({family(kIpv6, stun::kAdditionalAddressFamily)});
    client.permit({kPeer, kPeerV6});
  }
  // The data that the client receives for an error about `peer`.
  std::string received(const std::string& peer, uint8_t type, uint8_t code, uint32_t mtu = 0) {
    const net::Address address = *net::Address::parse(peer);
    for (const net::Address& relay : client.relayed)
      if (relay.family() == address.family()) server.network().icmp(relay, {address, type, code, mtu});
    return client.received();
  }
};

TEST_CASE("RFC 8656 11.5, 18.13: an error becomes a Data indication with the peer and an ICMP attribute") {
  // Section 18.13 draws 16 bits of zero, 7 of type and 9 of code, although ICMP has 8 of each. The figure
  // counts.
  Session s;
  CHECK(s.received(kPeer, 3, 3) == kPeer + " icmp 0000060300000000");
  CHECK(s.received(kPeer, 11, 0) == kPeer + " icmp 0000160000000000");
  CHECK(s.received(kPeerV6, 1, 4) == kPeerV6 + " icmp 0000020400000000");
  CHECK(s.received(kPeerV6, 3, 1) == kPeerV6 + " icmp 0000060100000000");
  checkForm(s.client.chain.outer.back().data);
}

TEST_CASE("RFC 8656 18.13: Error Data is the next link's MTU if a packet was too big, else zero") {
  Session s;
  CHECK(s.received(kPeer, 3, 4, 1400) == kPeer + " icmp 0000060400000578");
  CHECK(s.received(kPeerV6, 2, 0, 1280) == kPeerV6 + " icmp 0000040000000500");
  CHECK(s.received(kPeer, 3, 4) == kPeer + " icmp 0000060400000000");
}

TEST_CASE("RFC 8656 11.5: types other than 3 and 11, or 1 to 3 for IPv6, are silently dropped") {
  Session s;
  for (const int type : {0, 1, 2, 4, 5, 8, 10, 12, 13, 255}) {
    CAPTURE(type);
    CHECK(s.received(kPeer, static_cast<uint8_t>(type), 0) == "");
  }
  for (const int type : {0, 4, 5, 11, 128, 129, 255}) {
    CAPTURE(type);
    CHECK(s.received(kPeerV6, static_cast<uint8_t>(type), 0) == "");
  }
}

TEST_CASE(
    "RFC 8656 11.5: an error about a peer without a permission, or with an expired one, is silently "
    "dropped") {
  Session s;
  CHECK(s.received("203.0.113.6:7000", 3, 3) == "");
  CHECK(s.received("203.0.113.5:1", 3, 3) == "203.0.113.5:1 icmp 0000060300000000");  // for any port
  s.server.advance(301s);
  CHECK(s.received(kPeer, 3, 3) == "");
}

TEST_CASE("RFC 8656 11.5: an unknown port is zero") {
  Session s;
  CHECK(s.received("203.0.113.5:0", 3, 3) == "203.0.113.5:0 icmp 0000060300000000");
}

TEST_CASE("RFC 8656 12.5: an error about a peer with a channel is a Data indication too") {
  Session s;
  s.client.bind(0x4000, kPeer);
  CHECK(s.received(kPeer, 3, 3) == kPeer + " icmp 0000060300000000");
}

TEST_CASE("RFC 8656 11.5: an error ends neither allocation nor permission") {
  Session s;
  s.received(kPeer, 3, 3);
  s.server.network().failSend(s.client.relayed[0], 90);
  CHECK(flows(s.server, s.client) == "both");
  CHECK(s.client.refresh().code() == kSuccess);
}

}  // namespace
}  // namespace sluice::test
