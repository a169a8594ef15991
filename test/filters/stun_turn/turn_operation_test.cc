// Functions of the TURN server beyond the RFCs: quotas, capacity, shared ports, hairpin delivery, NATs and
// reloads.
#include <doctest/doctest.h>

#include "filters/stun_turn/stun_turn.h"
#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::string kOtherPeer = "203.0.113.6:7000";

TEST_CASE("at capacity requests get error 508, and near capacity lifetimes are short") {
  TurnServer server("max_allocations: 5 ");
  std::vector<std::unique_ptr<TurnClient>> clients;
  const auto next = [&]() -> TurnClient& {
    const std::string address = "192.0.2." + std::to_string(1 + clients.size()) + ":5000";
    return *clients.emplace_back(std::make_unique<TurnClient>(server, address));
  };
  for (int i = 0; i < 5; ++i) {
    const Response response = next().allocate({lifetime(3000)});
    CHECK(response.number(stun::kLifetime) == (i < 3 ? 3000u : 600u));
  }
  CHECK(next().tryAllocate().code() == 508);
  CHECK(clients[0]->refresh({lifetime(3000)}).number(stun::kLifetime) == 600u);
  CHECK(clients[4]->chain.counted("stun_turn", "short_lifetimes") == 1);
  clients[0]->refresh({lifetime(0)});
  CHECK(clients[5]->tryAllocate().code() == kSuccess);
}

TEST_CASE("near capacity users have half of their bandwidth") {
  TurnServer server("max_allocations: 5 max_bandwidth_per_user_bps: 800000 ");
  TurnClient alice(server);
  alice.allocate();
  alice.permit({kPeer});
  const std::string kilobyte(1000, 'k');
  // In one second, after the burst.
  const auto sent = [&] {
    for (int i = 0; i < 200; ++i) alice.sendIndication(kPeer, kilobyte);
    server.forgetSent();
    for (int i = 0; i < 1000; ++i) {
      server.advance(1ms);
      alice.sendIndication(kPeer, kilobyte);
    }
    return server.network().sent.size();
  };
  CHECK(sent() == doctest::Approx(100).epsilon(0.05));
  std::vector<std::unique_ptr<TurnClient>> others;
  for (int i = 0; i < 3; ++i) {
    others.push_back(std::make_unique<TurnClient>(server, "192.0.2.2:" + std::to_string(6000 + i), kBob));
    others.back()->allocate();
  }
  CHECK(sent() == doctest::Approx(50).epsilon(0.05));
}

TEST_CASE("all users together have a bandwidth limit too") {
  TurnServer server("max_bandwidth_bps: 80000 ");
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  for (TurnClient* client : {&alice, &bob}) {
    client->allocate();
    client->permit({kPeer});
  }
  const std::string kilobyte(1000, 'k');
  for (int i = 0; i < 100; ++i) alice.sendIndication(kPeer, kilobyte);
  CHECK(flows(server, bob) == "none");
  CHECK(bob.chain.dropped("stun_turn", "bandwidth") == 2);
  server.advance(10s);
  CHECK(flows(server, bob) == "both");
}

TEST_CASE("a user with a new allocation finds the bandwidth as it was") {
  TurnServer server("max_bandwidth_per_user_bps: 8000 ");
  TurnClient alice(server);
  const std::string kilobyte(1000, 'k');
  const auto spend = [&] {
    alice.allocate();
    alice.permit({kPeer});
    for (int i = 0; i < 100; ++i) alice.sendIndication(kPeer, kilobyte);
  };
  spend();
  const uint64_t dropped = alice.chain.dropped("stun_turn", "bandwidth");
  CHECK(dropped > 50);
  for (int i = 1; i <= 3; ++i) {
    alice.refresh({lifetime(0)});
    spend();
    CHECK(alice.chain.dropped("stun_turn", "bandwidth") == dropped + 100u * i);
  }
  alice.refresh({lifetime(0)});
  server.advance(60s);
  alice.allocate();
  alice.permit({kPeer});
  CHECK(flows(server, alice) == "both");
}

TEST_CASE("shared ports: a peer's packets go to the allocation that sent to it") {
  TurnServer server("relays: SHARED max_shared_ports: 1 ");
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate();
  CHECK(alice.relay() == bob.relay());
  CHECK(server.network().open_ports() == 1);

  alice.permit({kPeer});
  CHECK(alice.peerSends(kPeer, "to the only one with a permission"));
  CHECK(alice.received() == "203.0.113.5:7000 to the only one with a permission");
  bob.permit({kPeer});
  alice.peerSends(kPeer, "to neither of the two");
  CHECK(alice.received().empty());
  CHECK(bob.received().empty());

  bob.sendIndication(kPeer, "mine");
  CHECK(flows(server, bob) == "both");
  alice.sendIndication(kPeer, "not mine");
  CHECK(alice.chain.dropped("stun_turn", "peer_taken") == 1);
  CHECK(alice.bind(0x4000, kPeer).code() == 508);
  CHECK(flows(server, alice, "203.0.113.5:7001") == "both");  // another port of the peer

  bob.refresh({lifetime(0)});
  server.sent();
  CHECK(flows(server, alice) == "both");
}

TEST_CASE(
    "shared ports: a client that sends to every port of a host holds few of them, and none after the "
    "permission") {
  TurnServer server("relays: SHARED max_shared_ports: 1 max_peers_per_allocation: 4 ");
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate();
  alice.permit({kPeer});
  bob.permit({kPeer});
  const auto port = [](int number) { return "203.0.113.5:" + std::to_string(number); };
  for (int i = 1; i <= 100; ++i) alice.sendIndication(port(i), "mine");
  for (int i = 1; i <= 92; ++i) bob.sendIndication(port(i), "forgotten");
  CHECK(bob.chain.dropped("stun_turn", "peer_taken") == 0);
  for (int i = 93; i <= 100; ++i) bob.sendIndication(port(i), "still hers");
  CHECK(bob.chain.dropped("stun_turn", "peer_taken") == 8);

  server.advance(299s);
  bob.permit({kPeer});
  server.advance(61s);
  alice.permit({kPeer});
  for (int i = 93; i <= 100; ++i) bob.sendIndication(port(i), "his now");
  CHECK(bob.chain.dropped("stun_turn", "peer_taken") == 8);
}

TEST_CASE("shared ports: new allocations use the least used port, and the number of ports stays small") {
  TurnServer server("relays: SHARED max_shared_ports: 2 max_allocations_per_user: 100 ");
  std::vector<std::unique_ptr<TurnClient>> clients;
  std::map<net::Address, int> users;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<TurnClient>(server, "192.0.2.1:" + std::to_string(5000 + i)));
    clients.back()->allocate();
    ++users[clients.back()->relay()];
  }
  CHECK(server.network().open_ports() == 2);
  for (const auto& [relay, count] : users) CHECK(count == 10);
}

TEST_CASE("when ports run out, allocations share one, and EVEN-PORT is refused") {
  TurnServer server("relays: SHARED_WHEN_SHORT min_port: 50000 max_port: 50003 max_shared_ports: 1 ");
  std::vector<std::unique_ptr<TurnClient>> clients;
  std::map<net::Address, int> users;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<TurnClient>(server, "192.0.2.1:" + std::to_string(5000 + i)));
    clients.back()->allocate();
    ++users[clients.back()->relay()];
    const std::string peer = "203.0.113." + std::to_string(i + 1) + ":7000";
    clients.back()->permit({peer});
    CHECK(flows(server, *clients.back(), peer) == "both");
    CHECK(clients.back()->chain.counted("stun_turn", "shared_fallbacks") == (i < 3 ? 0 : 1));
  }
  CHECK(users.size() == 4);
  CHECK(users[clients.back()->relay()] == 7);
  TurnClient even(server, "192.0.2.1:6000");
  CHECK(even.tryAllocate({evenPort(false)}).code() == 508);
}

TEST_CASE("two clients of one worker reach each other's relays by hairpin delivery") {
  TurnServer server;
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate();
  CHECK(alice.bind(0x4000, bob.relay().toString()).code() == kSuccess);
  CHECK(bob.permit({alice.relay().toString()}).code() == kSuccess);
  alice.sendOnChannel(0x4000, "hello");
  server.worker.hairpin().deliver();
  CHECK(bob.received() == alice.relay().toString() + " hello");
  CHECK(server.sent().empty());
  CHECK(alice.chain.counted("stun_turn", "relayed_inside") == 1);
}

TEST_CASE("TURN through a relay of the same server is refused") {
  TurnServer server;
  TurnClient alice(server);
  alice.allocate();
  TurnClient nested(server, alice.relay().toString(), kBob);
  CHECK(nested.tryAllocate().code() == 403);
  CHECK(server.network().open_ports() == 1);
}

TEST_CASE("a packet without room for one more header is dropped") {
  TurnServer server;
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate();
  CHECK(bob.bind(0x4000, alice.relay().toString()).code() == kSuccess);
  const auto from_inside = [&](size_t headroom) {
    net::PacketPtr packet = server.worker.pool().acquire();
    packet->assign(asBytes("data"));
    packet->prepend(net::Packet::kHeadroom - headroom);
    packet->remote = alice.relay();
    packet->local = bob.relay();
    server.worker.hairpin().send(std::move(packet));
    server.worker.hairpin().deliver();
  };
  from_inside(4);
  CHECK(bob.chain.dropped("stun_turn", "too_long") == 0);
  from_inside(3);
  CHECK(bob.chain.dropped("stun_turn", "too_long") == 1);
}

TEST_CASE("relays on this machine's address are allowed peers, its other ports are not") {
  TurnServer server;
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate();
  const net::Address relay = bob.relay();
  CHECK(alice.permit({relay.toString()}).code() == kSuccess);
  bob.refresh({lifetime(0)});
  CHECK(flows(server, alice, relay.withPort(static_cast<uint16_t>(relay.port() ^ 1)).toString()) == "none");
}

TEST_CASE("clients of one address get relays on another") {
  TurnServer server(
      "relay_addresses { address: '10.0.0.1' for_local_address: '198.51.100.1' } "
      "relay_addresses { address: '198.51.100.1' for_local_address: '10.0.0.1' } ");
  TurnClient outside(server), inside(server, "192.0.2.2:5000", kBob);
  inside.chain.session.local_address = *net::Address::parse("10.0.0.1:3478");
  outside.allocate();
  inside.allocate();
  CHECK(outside.relay().ipString() == "10.0.0.1");
  CHECK(inside.relay().ipString() == "198.51.100.1");
}

TEST_CASE("clients get the relay's address as mapped by the NAT") {
  TurnServer server;
  TurnClient client(server);
  auto nat = std::make_shared<net::AddressMap>();
  nat->add(*net::Address::parseIp("198.51.100.1"), *net::Address::parseIp("192.0.2.200"));
  client.chain.nat = nat;
  client.allocate();
  CHECK(client.relay().ipString() == "192.0.2.200");
}

}  // namespace
}  // namespace sluice::test
