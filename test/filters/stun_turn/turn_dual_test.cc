// RFC 8656 sections 7.2 check 9, 8.2, 10.2 and 18.12: allocations with a relayed address of each family.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::string kPeerV6 = "[2a01:4f8::5]:7000";
const Attribute kBoth = family(kIpv6, stun::kAdditionalAddressFamily);

struct Dual {
  TurnServer server{kBothFamilies};
  TurnClient client{server};

  Dual() { client.allocate({kBoth}); }
  std::string flowsV6() { return flows(server, client, kPeerV6); }
};

struct AddressError {
  uint8_t family;
  unsigned code;
  bool operator==(const AddressError&) const = default;
};

// Section 18.12: the family, 13 bits of zero, the code, and a reason.
std::optional<AddressError> addressError(const Response& response) {
  const std::string value = response.text(stun::kAddressErrorCode);
  if (value.empty()) return std::nullopt;
  const Bytes read = asBytes(value);
  REQUIRE(read.size() >= 4);
  CHECK(read.size() < 4 + 128);
  CHECK(read[1] == 0);
  CHECK((read[2] & 0xF8) == 0);
  return AddressError{read[0], read[2] * 100u + read[3]};
}

TEST_CASE("RFC 8656 7.2 check 9: ADDITIONAL-ADDRESS-FAMILY gives one relayed address of each family") {
  for (const std::string from : {"192.0.2.1:5000", "[2001:db8:1::1]:5000"}) {
    TurnServer server(kBothFamilies);
    TurnClient client(server, from);
    const Response response = client.allocate({kBoth});
    REQUIRE(client.relayed.size() == 2);
    CHECK(client.relayed[0].family() != client.relayed[1].family());
    CHECK_FALSE(response.has(stun::kAddressErrorCode));
    CHECK(response.number(stun::kLifetime) == 600);
    CHECK(server.network().open_ports() == 2);
  }
}

TEST_CASE("RFC 8656 18.11: the rest of ADDITIONAL-ADDRESS-FAMILY is ignored") {
  TurnServer server(kBothFamilies);
  TurnClient client(server);
  client.allocate({number(stun::kAdditionalAddressFamily, 0x02FFFFFF)});
  CHECK(client.relayed.size() == 2);
}

TEST_CASE("RFC 8656 7.2 check 9: a family that the server does not have is named in ADDRESS-ERROR-CODE") {
  TurnServer v4("relay_addresses { address: '198.51.100.1' } ");
  TurnClient of_v4(v4);
  CHECK(addressError(of_v4.allocate({kBoth})) == AddressError{kIpv6, 440});
  CHECK(of_v4.relayed.size() == 1);
  CHECK_FALSE(of_v4.relay().isV6());

  TurnServer v6("relay_addresses { address: '2001:db8:ffff::1' } ");
  TurnClient of_v6(v6);
  CHECK(addressError(of_v6.allocate({kBoth})) == AddressError{kIpv4, 440});
  CHECK(of_v6.relayed.size() == 1);
  CHECK(of_v6.relay().isV6());
}

TEST_CASE(
    "RFC 8656 7.2 check 9: a family without a free port is insufficient capacity in ADDRESS-ERROR-CODE") {
  struct Taken {
    std::string address;
    uint8_t family;
  };
  for (const Taken& taken : {Taken{"[2001:db8:ffff::1]:50000", kIpv6}, Taken{"198.51.100.1:50000", kIpv4}}) {
    CAPTURE(taken.address);
    TurnServer server(kBothFamilies + "min_port: 50000 max_port: 50000 ");
    TurnClient client(server);
    auto elsewhere = server.network().reserve(*net::Address::parse(taken.address));
    REQUIRE(elsewhere.ok());
    CHECK(addressError(client.allocate({kBoth})) == AddressError{taken.family, 508});
    CHECK(client.relayed.size() == 1);
  }
}

TEST_CASE("RFC 8656 7.2 check 9: without a port of either family the request fails with 508") {
  TurnServer server(kBothFamilies);
  server.network().exhausted = true;
  TurnClient client(server);
  CHECK(client.tryAllocate({kBoth}).code() == 508);
}

TEST_CASE("RFC 8656 10.2, 12.2: peers of both families are permitted, each through the relay of its family") {
  Dual d;
  CHECK(d.client.permit({kPeer, kPeerV6}).code() == kSuccess);
  CHECK(flows(d.server, d.client) == "both");
  CHECK(d.flowsV6() == "both");
  for (const SentDatagram& sent : d.server.network().sent) CHECK(sent.from.family() == sent.to.family());
  CHECK(d.client.bind(0x4000, kPeer).code() == kSuccess);
  CHECK(d.client.bind(0x4001, kPeerV6).code() == kSuccess);
  CHECK(flows(d.server, d.client, 0x4000) == "both");
  CHECK(flows(d.server, d.client, 0x4001, kPeerV6) == "both");
  CHECK(d.client.bind(0x4000, kPeerV6).code() == 400);
}

TEST_CASE("RFC 8656 8.2: a Refresh with a family applies to that family, one without to all") {
  Dual d;
  CHECK(d.client.refresh({lifetime(1800), family(kIpv4)}).number(stun::kLifetime) == 1800);
  d.server.advance(601s);
  CHECK(d.server.network().open_ports() == 1);
  CHECK(d.client.refresh({family(kIpv6)}).code() == 443);
  CHECK(d.client.refresh({family(kIpv4)}).code() == kSuccess);
  CHECK(d.client.refresh({bytes(stun::kRequestedAddressFamily, {kIpv4})}).code() == 400);  // 4 bytes long

  Dual both;
  both.server.advance(500s);
  CHECK(both.client.refresh({lifetime(1800)}).code() == kSuccess);
  both.server.advance(1799s);
  CHECK(both.server.network().open_ports() == 2);
  both.server.advance(2s);
  CHECK(both.server.network().open_ports() == 0);
}

TEST_CASE("RFC 8656 8.1: deleting one family MUST NOT affect permissions and channels of the other") {
  Dual d;
  d.client.permit({kPeer, kPeerV6});
  d.client.bind(0x4000, "203.0.113.6:7000");
  d.client.bind(0x4001, "[2a01:4f8::6]:7000");
  CHECK(d.client.refresh({lifetime(0), family(kIpv4)}).number(stun::kLifetime) == 0);
  CHECK(d.server.network().open_ports() == 1);
  CHECK(flows(d.server, d.client) == "none");
  CHECK(flows(d.server, d.client, 0x4000, "203.0.113.6:7000") == "none");
  CHECK(d.flowsV6() == "both");
  CHECK(flows(d.server, d.client, 0x4001, "[2a01:4f8::6]:7000") == "both");
  CHECK(d.client.permit({kPeer}).code() == 443);
  CHECK(d.client.bind(0x4000, "203.0.113.6:7000").code() == 443);
  CHECK(d.client.refresh({lifetime(0), family(kIpv4)}).code() == 443);
  CHECK(d.client.refresh({lifetime(0), family(kIpv6)}).code() == kSuccess);
  CHECK(d.client.refresh().code() == 437);
  CHECK(d.server.network().open_ports() == 0);
}

TEST_CASE("RFC 8656 8.1: deleting one family destroys its permissions and channels") {
  TurnServer server(kBothFamilies + "max_peers_per_allocation: 1 ");
  TurnClient client(server);
  client.allocate({kBoth});
  CHECK(client.bind(0x4000, kPeer).code() == kSuccess);
  CHECK(client.permit({kPeerV6}).code() == 508);
  CHECK(client.refresh({lifetime(0), family(kIpv4)}).code() == kSuccess);
  CHECK(client.bind(0x4000, kPeerV6).code() == kSuccess);  // the number and the place are free
  CHECK(flows(server, client, 0x4000, kPeerV6) == "both");
}

TEST_CASE("RFC 8656 8.2: deleting without a family deletes both") {
  Dual d;
  CHECK(d.client.refresh({lifetime(0)}).code() == kSuccess);
  CHECK(d.server.network().open_ports() == 0);
  CHECK(d.client.refresh().code() == 437);
}

TEST_CASE("RFC 8489 6.3.1: a dual Allocate and the deletion of one family may be retransmitted") {
  TurnServer server(kBothFamilies);
  TurnClient client(server);
  const Auth auth = client.auth();
  auto formed = [&](uint16_t method, const Attributes& attributes) {
    return form(method, stun::Class::kRequest, newTransaction(), attributes, &auth);
  };
  const auto allocate = formed(stun::kAllocate, {transport(), kBoth});
  const Response allocated = client.send(allocate, &auth);
  CHECK(client.send(allocate, &auth).bytes == allocated.bytes);
  CHECK(server.network().open_ports() == 2);
  const auto drop = formed(stun::kRefresh, {lifetime(0), family(kIpv6)});
  const Response dropped = client.send(drop, &auth);
  CHECK(dropped.code() == kSuccess);
  CHECK(client.send(drop, &auth).bytes == dropped.bytes);
  CHECK(server.network().open_ports() == 1);
}

TEST_CASE("RFC 8656 7.2: EVEN-PORT applies to both ports of a dual allocation") {
  TurnServer server(kBothFamilies);
  for (int i = 0; i < 10; ++i) {
    TurnClient client(server);
    client.allocate({kBoth, evenPort(false)});
    for (const net::Address& relay : client.relayed) CHECK(relay.port() % 2 == 0);
  }
}

}  // namespace
}  // namespace sluice::test
