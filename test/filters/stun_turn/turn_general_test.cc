// RFC 8656 section 5: rules for all TURN messages; and section 21: restrictions on clients and peers.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

TEST_CASE("RFC 8656 5: another user's valid request on an allocation is an error 441 and changes nothing") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  Auth bob = client.auth();
  bob.user = kBob.name;
  bob.username = kBob.name;
  bob.password = kBob.password;
  struct Request {
    uint16_t method;
    Attributes attributes;
  };
  for (const Request& request : {Request{stun::kRefresh, {}},
                                 {stun::kRefresh, {lifetime(0)}},
                                 {stun::kCreatePermission, {peer(kPeer)}},
                                 {stun::kChannelBind, {channel(0x4000), peer(kPeer)}}}) {
    const Response response = client.request(request.method, request.attributes, bob);
    CHECK(response.code() == 441);
    CHECK(response.protection == "sha256");
  }
  CHECK(server.network().open_ports() == 1);
  CHECK(flows(server, client) == "none");
  CHECK(flows(server, client, 0x4000) == "none");
}

TEST_CASE("RFC 8656 5: the user is the same with USERNAME and USERHASH, and with another algorithm") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  CHECK(client.request(stun::kRefresh, {}, client.anonymousAuth()).code() == kSuccess);
  Auth legacy = client.auth();
  legacy.algorithms.reset();
  legacy.algorithm.reset();
  legacy.key_algorithm = kMd5;
  CHECK(client.request(stun::kRefresh, {}, legacy).code() == kSuccess);
}

TEST_CASE("RFC 8656 5: without an allocation a request is an error 437; indications and data are ignored") {
  TurnServer server;
  TurnClient other(server, "192.0.2.2:5000");
  other.allocate();
  other.permit({kPeer});
  other.bind(0x4000, kPeer);
  TurnClient client(server);
  auto mismatch = [&] {
    CHECK(client.refresh().code() == 437);
    CHECK(client.refresh({lifetime(0)}).code() == 437);
    CHECK(client.permit({kPeer}).code() == 437);
    CHECK(client.bind(0x4000, kPeer).code() == 437);
    client.sendIndication(kPeer, "said");
    client.sendOnChannel(0x4000, "said");
    CHECK(server.sent() == "");
    CHECK(client.received() == "");
  };
  mismatch();
  client.allocate();
  client.permit({kPeer});
  client.bind(0x4000, kPeer);
  client.refresh({lifetime(0)});
  mismatch();
  CHECK(flows(server, other, 0x4000) == "both");
}

TEST_CASE("RFC 8656 5: an allocation belongs to its 5-tuple; the same user has others on other 5-tuples") {
  TurnServer server;
  TurnClient first(server, "192.0.2.1:5000");
  TurnClient second(server, "192.0.2.1:5001");
  first.allocate();
  CHECK(second.refresh().code() == 437);
  second.allocate();
  CHECK(first.relay() != second.relay());
  second.refresh({lifetime(0)});
  CHECK(first.refresh().code() == kSuccess);
}

TEST_CASE("RFC 8656 5: SOFTWARE is in success and error responses to Allocate and Refresh") {
  TurnServer server;
  server.config += " software: 'a TURN server 1.0'";
  TurnClient client(server);
  for (const Response& response :
       {client.refresh(), client.tryAllocate({family(9)}), client.tryAllocate(), client.tryAllocate(),
        client.refresh(), client.refresh({family(kIpv6)}), client.refresh({lifetime(0)})})
    CHECK(response.text(stun::kSoftware) == "a TURN server 1.0");
}

TEST_CASE("RFC 8656 5, 7.2 check 10: a user's allocations are limited by name, not by address") {
  TurnServer server("max_allocations_per_user: 2 ");
  TurnClient a(server, "192.0.2.1:1"), b(server, "192.0.2.2:1"), c(server, "192.0.2.3:1");
  a.allocate();
  b.allocate();
  const Response response = c.tryAllocate();
  CHECK(response.code() == 486);
  CHECK(response.protection == "sha256");
  CHECK(c.request(stun::kAllocate, {transport()}, c.anonymousAuth()).code() == 486);
  TurnClient bob(server, "192.0.2.3:2", kBob);
  bob.allocate();
  a.refresh({lifetime(0)});
  c.allocate();
}

TEST_CASE("RFC 8656 5: an allocation that expires no longer counts") {
  TurnServer server("max_allocations_per_user: 1 ");
  TurnClient first(server, "192.0.2.1:1"), second(server, "192.0.2.2:1");
  first.allocate();
  server.advance(599s);
  CHECK(second.tryAllocate().code() == 486);
  server.advance(2s);
  second.allocate();
}

TEST_CASE("RFC 8656 5: data beyond a user's bandwidth is discarded, in both directions") {
  TurnServer server("max_bandwidth_per_user_bps: 80000 ");  // 10000 bytes a second
  TurnClient client(server);
  client.allocate();
  client.permit({kPeer});
  const std::string kilobyte(1000, 'k');
  auto relayed = [&](bool outward) {
    size_t count = 0;
    for (int i = 0; i < 400; ++i) {
      server.advance(10ms);
      if (outward) client.sendIndication(kPeer, kilobyte);
      if (!outward) client.peerSends(kPeer, kilobyte);
      count += !(outward ? server.sent() : client.received()).empty();
    }
    return count;
  };
  for (const bool outward : {true, false}) {
    CAPTURE(outward);
    const size_t in_four_seconds = relayed(outward);
    CHECK(in_four_seconds >= 30);
    CHECK(in_four_seconds <= 80);
    server.advance(10s);
  }
  TurnClient bob(server, "192.0.2.2:5000", kBob);
  bob.allocate();
  bob.permit({kPeer});
  relayed(true);
  CHECK(flows(server, bob) == "both");
}

TEST_CASE("RFC 8656 21.4: Teredo and 6to4 addresses MUST NOT be accepted as peers") {
  TurnServer server(kBothFamilies);
  TurnClient client(server);
  client.allocate({family(kIpv6)});
  for (const std::string address :
       {"[2001:0:4136:e378:8000:63bf:3fff:fdd2]:7000", "[2002:c000:204::1]:7000"}) {
    CAPTURE(address);
    CHECK(client.bind(0x4000, address).code() == 403);
    CHECK(client.permit({address}).code() == 403);
    CHECK(flows(server, client, address) == "none");
  }
  CHECK(client.permit({"[2a01:4f8::5]:7000"}).code() == kSuccess);
}

TEST_CASE("RFC 8656 21.4: Teredo and 6to4 addresses MUST NOT be accepted as clients") {
  for (const std::string address :
       {"[2001:0:4136:e378:8000:63bf:3fff:fdd2]:7000", "[2002:c000:204::1]:7000"}) {
    CAPTURE(address);
    TurnServer server(kBothFamilies);
    TurnClient client(server, address);
    CHECK(client.tryAllocate().code() > 0);
    CHECK(server.network().open_ports() == 0);
  }
}

TEST_CASE("RFC 8656 11.2, 21.3: peers on internal networks are forbidden unless allowed") {
  TurnServer server(kBothFamilies + "denied_peers: '203.0.113.128/25' allowed_peers: '10.1.0.0/16' ");
  TurnClient client(server);
  client.allocate({family(kIpv6, stun::kAdditionalAddressFamily)});
  for (const std::string address :
       {"127.0.0.1:80", "10.0.0.1:80", "172.16.0.1:80", "192.168.1.1:80", "169.254.1.1:80", "0.0.0.0:80",
        "224.0.0.1:80", "255.255.255.255:80", "203.0.113.200:80", "[::1]:80", "[::]:80", "[fe80::1]:80",
        "[fd00::1]:80", "[ff02::1]:80", "[::ffff:127.0.0.1]:80", "[::ffff:10.0.0.1]:80"}) {
    CAPTURE(address);
    CHECK(client.permit({address}).code() == 403);
    CHECK(client.bind(0x4000, address).code() == 403);
    client.sendIndication(address, "said");
    CHECK(server.sent() == "");
  }
  CHECK(client.permit({"10.1.0.1:80"}).code() == kSuccess);
  CHECK(flows(server, client, "10.1.0.1:80") == "both");
}

}  // namespace
}  // namespace sluice::test
