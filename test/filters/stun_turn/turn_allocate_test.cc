// RFC 8656 section 7.2: the checks on an Allocate request, and the content of a success response.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::string kRelayedV4 = "198.51.100.1";

// The error code of one Allocate request to a new server; a failed one leaves nothing.
int codeOf(const Attributes& attributes, const std::string& turn = kBothFamilies,
           const std::string& from = "192.0.2.1:5000") {
  TurnServer server(turn);
  TurnClient client(server, from);
  const int code = client.request(stun::kAllocate, attributes).code();
  CHECK((code == kSuccess) == (server.network().open_ports() > 0));
  if (code != kSuccess) CHECK(server.network().reserved_ports() == 0);
  return code;
}

TEST_CASE("RFC 8656 7.2 check 1: an allocation needs credentials") {
  TurnServer server;
  TurnClient client(server);
  CHECK(client.bareRequest(stun::kAllocate, {transport()}).code() == 401);
  CHECK(server.network().open_ports() == 0);
}

TEST_CASE("RFC 8656 7.2 check 2: a 5-tuple in use is an error 437, for its user and for others") {
  TurnServer server;
  TurnClient client(server);
  const Response first = client.allocate();
  CHECK(client.tryAllocate().code() == 437);
  Auth bob = client.auth();
  bob.user = kBob.name;
  bob.username = kBob.name;
  bob.password = kBob.password;
  CHECK(client.request(stun::kAllocate, {transport()}, bob).code() == 437);
  CHECK(server.network().open_ports() == 1);
  CHECK(client.refresh().code() == kSuccess);
}

TEST_CASE("RFC 8656 7.2 check 3: REQUESTED-TRANSPORT that is missing or malformed is a bad request") {
  CHECK(codeOf({}) == 400);
  for (const size_t size : {0, 1, 2, 3, 5, 8}) {
    CAPTURE(size);
    CHECK(codeOf({bytes(stun::kRequestedTransport, std::vector<uint8_t>(size, kUdp))}) == 400);
  }
}

TEST_CASE("RFC 8656 7.2 check 3: any transport but UDP is an error 442") {
  for (const uint8_t protocol : {0, 1, 6, 16, 18, 132, 255}) {
    CAPTURE(protocol);
    CHECK(codeOf({transport(protocol)}) == 442);
  }
}

TEST_CASE("RFC 8656 18.8: the rest of REQUESTED-TRANSPORT MUST be ignored") {
  CHECK(codeOf({number(stun::kRequestedTransport, 0x11FFFFFF)}) == kSuccess);
}

TEST_CASE("RFC 8656 7.2 check 4: DONT-FRAGMENT is supported, and Send indications honour it") {
  TurnServer server;
  TurnClient client(server);
  client.allocate({flag(stun::kDontFragment)});
  client.permit({kPeer});
  client.indicate(stun::kSend, {peer(kPeer), payload("x"), flag(stun::kDontFragment)});
  REQUIRE(server.network().sent.size() == 1);
  CHECK(server.network().sent[0].dont_fragment);
}

TEST_CASE("RFC 8656 7.2 check 5: RESERVATION-TOKEN with EVEN-PORT or an address family is a bad request") {
  TurnServer server(kBothFamilies);
  TurnClient first(server, "192.0.2.9:5000");
  const std::string token = first.allocate({evenPort(true)}).text(stun::kReservationToken);
  TurnClient client(server);
  const Attribute with_token = text(stun::kReservationToken, token);
  for (const Attribute& other : {evenPort(false), evenPort(true), family(kIpv4), family(kIpv6),
                                 family(kIpv6, stun::kAdditionalAddressFamily)})
    CHECK(client.tryAllocate({with_token, other}).code() == 400);
  client.allocate({with_token});  // none of them used it
}

TEST_CASE("RFC 8656 7.2 check 5: an unknown token is insufficient capacity") {
  CHECK(codeOf({transport(), text(stun::kReservationToken, "01234567")}) == 508);
  CHECK(codeOf({transport(), text(stun::kReservationToken, std::string(8, '\0'))}) == 508);
}

TEST_CASE("RFC 8656 18.10: a token that is not eight bytes long is invalid") {
  for (const size_t size : {0, 4, 7, 9, 12}) {
    const int code = codeOf({transport(), text(stun::kReservationToken, std::string(size, 't'))});
    CHECK((code == 400 || code == 508));
  }
}

TEST_CASE("RFC 8656 7.2 check 6: both address family attributes are a bad request") {
  for (const uint8_t one : {kIpv4, kIpv6})
    CHECK(codeOf({transport(), family(one), family(kIpv6, stun::kAdditionalAddressFamily)}) == 400);
}

TEST_CASE("RFC 8656 7.2 check 7: a family that the server does not have is an error 440") {
  const std::string v4 = "relay_addresses { address: '198.51.100.1' } ";
  const std::string v6 = "relay_addresses { address: '2001:db8:ffff::1' } ";
  CHECK(codeOf({transport(), family(kIpv6)}, v4) == 440);
  CHECK(codeOf({transport(), family(kIpv4)}, v6) == 440);
  CHECK(codeOf({transport()}, v6) == 440);
  CHECK(codeOf({transport()}, v6, "[2001:db8:1::1]:5000") == 440);
  CHECK(codeOf({transport(), family(3)}) == 440);
  CHECK(codeOf({transport(), family(0)}) == 440);
  CHECK(codeOf({transport(), family(kIpv6)}, v6) == kSuccess);
}

TEST_CASE(
    "RFC 8656 7.2 check 7: the family is the requested one, else IPv4, whatever family the client uses") {
  for (const std::string from : {"192.0.2.1:5000", "[2001:db8:1::1]:5000"}) {
    CAPTURE(from);
    TurnServer server(kBothFamilies);
    TurnClient client(server, from);
    client.allocate();
    CHECK(client.relayed.size() == 1);
    CHECK(client.relay().ipString() == kRelayedV4);
    client.refresh({lifetime(0)});
    client.allocate({family(kIpv6)});
    CHECK(client.relayed.size() == 1);
    CHECK(client.relay().ipString() == "2001:db8:ffff::1");
    client.refresh({lifetime(0)});
    client.allocate(
        {number(stun::kRequestedAddressFamily, 0x01FFFFFF)});  // section 18.6: the rest is ignored
    CHECK(client.relay().ipString() == kRelayedV4);
  }
}

TEST_CASE("RFC 8656 7.2 check 8: reserving a port with ADDITIONAL-ADDRESS-FAMILY is a bad request") {
  CHECK(codeOf({transport(), evenPort(true), family(kIpv6, stun::kAdditionalAddressFamily)}) == 400);
  CHECK(codeOf({transport(), evenPort(false), family(kIpv6, stun::kAdditionalAddressFamily)}) == kSuccess);
}

TEST_CASE("RFC 8656 7.2 check 8: unavailable ports are insufficient capacity") {
  CHECK(codeOf({transport(), evenPort(false)}, "min_port: 50001 max_port: 50001 ") == 508);
  CHECK(codeOf({transport(), evenPort(true)}, "min_port: 50000 max_port: 50000 ") == 508);
  CHECK(codeOf({transport(), evenPort(true)}, "min_port: 50001 max_port: 50002 ") == 508);
  CHECK(codeOf({transport(), evenPort(true)}, "min_port: 50000 max_port: 50001 ") == kSuccess);
  CHECK(codeOf({transport(), evenPort(false)}, "min_port: 50000 max_port: 50000 ") == kSuccess);
}

TEST_CASE("RFC 8656 7.2 check 8: a machine without sockets has insufficient capacity, and recovers") {
  TurnServer server;
  server.network().exhausted = true;
  TurnClient client(server);
  CHECK(client.tryAllocate().code() == 508);
  CHECK(client.tryAllocate({evenPort(true)}).code() == 508);
  server.network().exhausted = false;
  client.allocate();
}

TEST_CASE("RFC 8656 7.2 check 9, 18.11: ADDITIONAL-ADDRESS-FAMILY of anything but IPv6 is a bad request") {
  for (const uint8_t other : {0, 1, 3}) {
    CAPTURE(other);
    CHECK(codeOf({transport(), family(other, stun::kAdditionalAddressFamily)}) == 400);
  }
}

TEST_CASE("RFC 8656 7.2: a success response has the relayed and the mapped address, and the lifetime") {
  for (const std::string from : {"192.0.2.1:5000", "[2001:db8:1::1]:5000"}) {
    TurnServer server(kBothFamilies);
    TurnClient client(server, from);
    const Response response = client.allocate();
    CHECK(response.addresses(stun::kXorMappedAddress) == std::vector{*net::Address::parse(from)});
    CHECK(response.addresses(stun::kXorRelayedAddress).size() == 1);
    CHECK(response.number(stun::kLifetime) == 600);
    CHECK_FALSE(response.has(stun::kReservationToken));
    CHECK_FALSE(response.has(stun::kAddressErrorCode));
  }
}

TEST_CASE("RFC 8656 7.2: the lifetime is the requested one, between the default and the server's maximum") {
  struct Lifetime {
    std::optional<uint32_t> requested;
    uint32_t given;
    std::string turn = "";
  };
  for (const Lifetime& entry : {Lifetime{std::nullopt, 600},
                                {0, 600},
                                {1, 600},
                                {599, 600},
                                {600, 600},
                                {601, 601},
                                {3600, 3600},
                                {3601, 3600},
                                {0xFFFFFFFF, 3600},
                                {7200, 7200, "max_lifetime_s: 86400 "},
                                {1200, 600, "max_lifetime_s: 600 "}}) {
    CAPTURE(entry.given);
    TurnServer server(entry.turn);
    TurnClient client(server);
    CHECK(client.allocate(entry.requested ? Attributes{lifetime(*entry.requested)} : Attributes{})
              .number(stun::kLifetime) == entry.given);
    server.advance(std::chrono::seconds(entry.given) - 1s);
    CHECK(server.network().open_ports() == 1);
    server.advance(2s);
    CHECK(server.network().open_ports() == 0);
  }
}

TEST_CASE("RFC 8656 7.2: a new allocation has no permissions and no channels") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  CHECK(flows(server, client) == "none");
  CHECK(flows(server, client, 0x4000) == "none");
}

}  // namespace
}  // namespace sluice::test
