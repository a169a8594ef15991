// RFC 8656 sections 9 and 10: permissions.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::string kOther = "203.0.113.6:7000";

struct Session {
  TurnServer server;
  TurnClient client{server};

  explicit Session(const std::string& turn = "") : server(turn) { client.allocate(); }
  std::string flows(const std::string& peer = kPeer) { return test::flows(server, client, peer); }
  int create(const Attributes& attributes) {
    return client.request(stun::kCreatePermission, attributes).code();
  }
};

TEST_CASE("RFC 8656 9: data passes only to and from permitted addresses, on any port") {
  Session s;
  CHECK(s.flows() == "none");
  const Response response = s.client.permit({"203.0.113.5:0"});
  CHECK(response.code() == kSuccess);
  CHECK(response.protection == "sha256");
  CHECK(s.flows() == "both");
  CHECK(s.flows("203.0.113.5:1") == "both");
  CHECK(s.flows("203.0.113.5:65535") == "both");
  CHECK(s.flows(kOther) == "none");
  CHECK(s.flows("203.0.113.4:7000") == "none");
}

TEST_CASE("RFC 8656 9: the Permission Lifetime MUST be 300 seconds") {
  Session s;
  s.client.permit({kPeer});
  s.server.advance(299s);
  CHECK(s.flows() == "both");
  s.server.advance(2s);
  CHECK(s.flows() == "none");
  s.client.permit({kPeer});
  CHECK(s.flows() == "both");
}

TEST_CASE("RFC 8656 9: CreatePermission and ChannelBind install and refresh the same permission") {
  for (const bool create_first : {true, false}) {
    for (const bool create_then : {true, false}) {
      CAPTURE(create_first);
      CAPTURE(create_then);
      Session s;
      auto install = [&](bool create) {
        const Response response = create ? s.client.permit({kPeer}) : s.client.bind(0x4000, "203.0.113.5:9");
        CHECK(response.code() == kSuccess);
      };
      install(create_first);
      CHECK(s.flows() == "both");
      s.server.advance(200s);
      install(create_then);
      s.server.advance(299s);
      CHECK(s.flows() == "both");
      s.server.advance(2s);
      CHECK(s.flows() == "none");
    }
  }
}

TEST_CASE("RFC 8656 9, 11.2, 12.6: no data refreshes a permission, in whatever form and direction") {
  for (const std::string form : {"Send", "ChannelData", "from the peer", "refused"}) {
    CAPTURE(form);
    Session s;
    s.client.bind(0x4000, kPeer);
    for (int i = 0; i < 10; ++i) {
      s.server.advance(30s);
      if (form == "Send") s.client.sendIndication(kPeer, "x");
      if (form == "ChannelData") s.client.sendOnChannel(0x4000, "x");
      if (form == "from the peer") s.client.peerSends(kPeer, "x");
      if (form == "refused") CHECK(s.client.bind(0x4001, kPeer).code() == 400);
    }
    s.server.advance(1s);
    CHECK(test::flows(s.server, s.client, 0x4000) == "none");
    CHECK(s.flows() == "none");
  }
}

TEST_CASE("RFC 8656 9: the permissions of one allocation do not apply to another, also of the same user") {
  Session s;
  TurnClient other(s.server, "192.0.2.2:5000");
  other.allocate();
  s.client.permit({kPeer});
  CHECK(test::flows(s.server, other) == "none");
  other.permit({kOther});
  CHECK(s.flows(kOther) == "none");
  other.refresh({lifetime(0)});
  CHECK(s.flows() == "both");
}

TEST_CASE("RFC 8656 10.2: one request may permit many peers, in any order, repeatedly") {
  Session s;
  std::vector<std::string> peers;
  for (int i = 20; i > 0; --i) peers.push_back("203.0.113." + std::to_string(i) + ":" + std::to_string(i));
  peers.push_back(peers.front());
  CHECK(s.client.permit(peers).code() == kSuccess);
  CHECK(s.client.permit(peers).code() == kSuccess);
  for (const std::string& one : peers) CHECK(s.flows(one) == "both");
}

TEST_CASE("RFC 8656 10.2: a request without a peer, or with an invalid peer, is a bad request") {
  const auto address = [](std::vector<uint8_t> value) {
    return bytes(stun::kXorPeerAddress, std::move(value));
  };
  const Attribute invalid[]{
      address({}),
      address({0, 1, 0, 80}),
      address({0, 1, 0, 80, 1, 2, 3}),
      address({0, 1, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8}),
      address({0, 2, 0, 80, 1, 2, 3, 4}),
      address({0, 0, 0, 80, 1, 2, 3, 4}),
      address({0, 3, 0, 80, 1, 2, 3, 4}),
  };
  Session s;
  CHECK(s.create({}) == 400);
  CHECK(s.create({payload("no peer")}) == 400);
  for (const Attribute& one : invalid) {
    CHECK(s.create({one}) == 400);
    CHECK(s.create({peer(kPeer), one}) == 400);
    CHECK(s.create({one, peer(kPeer)}) == 400);
    CHECK(s.flows() == "none");  // all or nothing
  }
}

TEST_CASE("RFC 8656 10.2: a peer of a family that the allocation does not have is an error 443") {
  const std::string v6 = "[2a01:4f8::5]:7000";
  TurnServer server(kBothFamilies);
  TurnClient of_v4(server, "192.0.2.1:1"), of_v6(server, "192.0.2.1:2");
  of_v4.allocate();
  of_v6.allocate({family(kIpv6)});
  CHECK(of_v4.permit({v6}).code() == 443);
  CHECK(of_v4.permit({kPeer, v6}).code() == 443);
  CHECK(of_v4.permit({v6, kPeer}).code() == 443);
  CHECK(flows(server, of_v4) == "none");
  CHECK(of_v6.permit({kPeer}).code() == 443);
  CHECK(of_v6.permit({v6}).code() == kSuccess);
  CHECK(flows(server, of_v6, v6) == "both");
}

TEST_CASE("RFC 8656 10.2: beyond the capacity is an error 508; existing permissions can be refreshed") {
  Session s("max_peers_per_allocation: 2 ");
  CHECK(s.client.permit({kPeer, kOther}).code() == kSuccess);
  CHECK(s.client.permit({"203.0.113.7:1"}).code() == 508);
  CHECK(s.client.bind(0x4000, "203.0.113.7:1").code() == 508);
  CHECK(s.flows("203.0.113.7:1") == "none");
  CHECK(s.client.permit({kOther, kPeer}).code() == kSuccess);
  s.server.advance(301s);
  CHECK(s.client.permit({"203.0.113.7:1"}).code() == kSuccess);
}

TEST_CASE("RFC 8656 10.2: as many relays of this server as peers are allowed, and no more") {
  TurnServer server("max_peers_per_allocation: 20 max_allocations_per_user: 100 ");
  TurnClient client(server);
  client.allocate();
  std::vector<std::unique_ptr<TurnClient>> others;
  for (int i = 0; i < 21; ++i) {
    others.push_back(std::make_unique<TurnClient>(server, "192.0.2.2:" + std::to_string(5000 + i), kBob));
    others.back()->allocate();
    const std::string relay = others.back()->relay().toString();
    CHECK(client.permit({relay}).code() == (i < 20 ? kSuccess : 508));
    client.sendIndication(relay, "ping");
    server.worker.hairpin().deliver();
    CHECK(client.chain.dropped("stun_turn", "no_permission") == (i < 20 ? 0 : 1));
  }
  CHECK(client.permit({others.front()->relay().toString()}).code() == kSuccess);
}

TEST_CASE("RFC 8656 10.2: a request that exceeds the capacity installs nothing") {
  Session s("max_peers_per_allocation: 2 ");
  CHECK(s.client.permit({kPeer, kOther, "203.0.113.7:1"}).code() == 508);
  CHECK(s.flows() == "none");
  CHECK(s.flows(kOther) == "none");
}

TEST_CASE("RFC 8656 10.2: a denied peer is an error 403, and no peer of the request is permitted") {
  Session s("denied_peers: '203.0.113.6/32' ");
  CHECK(s.client.permit({kOther}).code() == 403);
  CHECK(s.client.permit({kPeer, kOther}).code() == 403);
  CHECK(s.client.permit({kOther, kPeer}).code() == 403);
  CHECK(s.flows() == "none");
  CHECK(s.flows(kOther) == "none");
}

TEST_CASE("RFC 8656 10.2: without credentials nothing is permitted") {
  Session s;
  CHECK(s.client.bareRequest(stun::kCreatePermission, {peer(kPeer)}).code() == 401);
  Auth wrong = s.client.auth();
  wrong.password = "wrong";
  CHECK(s.client.request(stun::kCreatePermission, {peer(kPeer)}, wrong).code() == 401);
  CHECK(s.flows() == "none");
}

}  // namespace
}  // namespace sluice::test
