// RFC 8656 sections 3.7, 13 and 14: fields of the IP header on the two sides of a relay.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

constexpr uint16_t kChannel = 0x4000;
const std::string kV4 = "192.0.2.1:5000";
const std::string kV6 = "[2001:db8:1::1]:5000";
const std::string kPeerV6 = "[2a01:4f8::5]:7000";

// A client of one family, a relay of another, a permission and a channel.
struct Session {
  TurnServer server{kBothFamilies};
  TurnClient client;
  const std::string far;

  Session(const std::string& from, uint8_t relay)
      : client(server, from), far(relay == kIpv6 ? kPeerV6 : kPeer) {
    client.allocate({family(relay)});
    client.permit({far});
  }
  void say(const std::string& text, uint8_t tos, bool dont_fragment = false) {
    Attributes attributes{peer(far), payload(text)};
    if (dont_fragment) attributes.push_back(flag(stun::kDontFragment));
    client.chain.ingress(form(stun::kSend, stun::Class::kIndication, newTransaction(), attributes),
                         client.chain.session.selected, tos);
  }
  const SentDatagram& sent() { return server.network().sent.back(); }
};

TEST_CASE("RFC 8656 14: DSCP and ECN SHOULD pass unchanged, in either form and direction") {
  for (const int tos : {0x00, 0x01, 0x02, 0x03, 0xB8, 0xBA, 0xFF}) {
    CAPTURE(tos);
    const auto value = static_cast<uint8_t>(tos);
    Session s(kV4, kIpv4);
    const net::Address from = *net::Address::parse(kPeer);
    s.say("x", value);
    CHECK(s.sent().tos == value);
    s.server.network().deliver(from, s.client.relay(), asBytes("x"), value);
    CHECK(s.client.chain.outer.back().tos == value);
    s.client.bind(kChannel, kPeer);
    const std::vector<uint8_t> message{0x40, 0x00, 0x00, 0x01, 'x'};
    s.client.chain.ingress(message, s.client.chain.session.selected, value);
    CHECK(s.sent().tos == value);
    s.server.network().deliver(from, s.client.relay(), asBytes("x"), value);
    CHECK(s.client.chain.outer.back().tos == value);
  }
}

TEST_CASE("RFC 8656 13: between families Traffic Class and TOS are kept or the default, nothing else") {
  for (const auto& [from, relay] : {std::pair{kV4, kIpv6}, {kV6, kIpv4}, {kV6, kIpv6}}) {
    Session s(from, relay);
    s.say("x", 0xB8);
    CHECK((s.sent().tos == 0xB8 || s.sent().tos == 0));
    s.server.network().deliver(*net::Address::parse(s.far), s.client.relay(), asBytes("x"), 0xB8);
    const uint8_t tos = s.client.chain.outer.back().tos;
    CHECK((tos == 0xB8 || tos == 0));
  }
}

TEST_CASE("RFC 8656 13: Time to Live and Hop Limit are the default of outgoing packets") {
  for (const std::string& from : {kV4, kV6}) {
    for (const uint8_t relay : {kIpv4, kIpv6}) {
      Session s(from, relay);
      s.say("x", 0);
      CHECK(s.sent().ttl == 0);
      s.client.peerSends(s.far, "x");
      CHECK(s.client.chain.outer.back().ttl == 0);
    }
  }
}

TEST_CASE("RFC 8656 14: DONT-FRAGMENT applies from IPv4 to IPv4") {
  Session s(kV4, kIpv4);
  s.say("x", 0, true);
  CHECK(s.sent().data == std::vector<uint8_t>{'x'});
  CHECK(s.sent().dont_fragment);
}

TEST_CASE("RFC 8656 13.1, 13.2, 13.3: in all other translations DONT-FRAGMENT MUST be ignored") {
  for (const auto& families : {std::pair{kV4, kIpv6}, {kV6, kIpv4}, {kV6, kIpv6}}) {
    const auto from = families.first;
    const auto relay = families.second;
    CAPTURE(from);
    CAPTURE(int{relay});
    Session s(from, relay);
    s.say("x", 0, true);
    REQUIRE(s.server.network().sent.size() == 1);
    CHECK(s.sent().data == std::vector<uint8_t>{'x'});
    CHECK_FALSE((s.sent().dont_fragment && relay == kIpv4));  // over IPv6 the network ignores it
  }
}

TEST_CASE(
    "RFC 8656 3.7: a server that translates IPv4 to IPv6 without reading DF MUST reject DONT-FRAGMENT") {
  TurnServer server(kBothFamilies);
  TurnClient client(server, kV4);
  const Response response = client.tryAllocate({family(kIpv6), flag(stun::kDontFragment)});
  CHECK(response.code() == 420);  // section 7.2 check 4
  CHECK(response.unknownAttributes() == std::vector<uint16_t>{stun::kDontFragment});
  CHECK(server.network().open_ports() == 0);
}

}  // namespace
}  // namespace sluice::test
