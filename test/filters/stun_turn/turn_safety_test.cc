// Attacks on the rules of the TURN server, each of which fails.
#include <doctest/doctest.h>

#include "filters/stun_turn/stun_turn.h"
#include "filters/stun_turn/turn_process.h"
#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

net::Address ip(const std::string& text) {
  return *net::Address::parseIp(text);
}

// All blocks of the server's pool except `left` are in use.
std::vector<net::PacketPtr> exhaust(TurnServer& server, size_t left) {
  std::vector<net::PacketPtr> taken;
  while (auto packet = server.worker.pool().acquire()) {
    packet->settle();
    taken.push_back(std::move(packet));
  }
  taken.resize(taken.size() - left);
  return taken;
}

TEST_CASE("relays behind one external address reach each other, whichever local address they have") {
  TurnServer server("relay_addresses { address: '198.51.100.1' }");
  auto nat = std::make_shared<net::AddressMap>();
  nat->add(ip("172.17.0.1"), ip("192.0.2.200"));
  nat->add(ip("198.51.100.1"), ip("192.0.2.200"));
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.chain.nat = bob.chain.nat = nat;
  alice.allocate();
  bob.allocate();
  CHECK(alice.permit({bob.relay().toString()}).code() == kSuccess);
}

TEST_CASE("an Allocate whose response found no free packet buffer has changed nothing") {
  TurnServer server;
  TurnClient alice(server);
  const auto request = alice.formed(stun::kAllocate, {transport()});
  {
    const auto taken = exhaust(server, 1);  // for the request
    CHECK(alice.send(request).code() == kSilence);
    CHECK(alice.chain.dropped("stun_turn", "no_packet") == 1);
  }
  CHECK(server.process.get<stun_turn::TurnProcess>()->allocations() == 0);
  CHECK(alice.send(request).code() == kSuccess);
}

TEST_CASE("a reservation counts as one of its user's allocations until it is claimed or expires") {
  TurnServer server("max_allocations_per_user: 2 ");
  TurnClient alice(server), again(server, "192.0.2.1:5001");
  const auto process = server.process.get<stun_turn::TurnProcess>();
  const Response reserved = alice.allocate({evenPort(true)});
  CHECK(process->allocations() == 2);
  CHECK(again.tryAllocate().code() == 486);
  SUBCASE("expired") {
    server.advance(31s);
    CHECK(process->allocations() == 1);
    CHECK(again.tryAllocate().code() == kSuccess);
  }
  SUBCASE("claimed") {
    CHECK(again.tryAllocate({text(stun::kReservationToken, reserved.text(stun::kReservationToken))}).code() ==
          kSuccess);
    CHECK(process->allocations() == 2);
  }
  SUBCASE("refused, with one place left") {
    alice.refresh({lifetime(0)});
    CHECK(again.tryAllocate({evenPort(true)}).code() == 486);
    CHECK(process->allocations() == 1);
  }
}

TEST_CASE("a permission for a relay of this server does not apply to the next owner of its port") {
  TurnServer server;
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate();
  const std::string relay = bob.relay().toString();
  CHECK(alice.permit({relay}).code() == kSuccess);
  alice.sendIndication(relay, "before");
  bob.refresh({lifetime(0)});
  server.forgetSent();
  alice.sendIndication(relay, "after");
  CHECK(server.sent() == "");
  CHECK(alice.chain.dropped("stun_turn", "no_permission") == 1);
}

TEST_CASE("an address that became this machine's is no longer an allowed peer") {
  TurnServer server;
  TurnClient alice(server);
  alice.allocate();
  CHECK(alice.permit({kPeer}).code() == kSuccess);
  CHECK(flows(server, alice) == "both");
  SUBCASE("by a new interface") {
    alice.chain.machine = {ip("203.0.113.5")};
  }
  SUBCASE("by a NAT's external address") {
    auto nat = std::make_shared<net::AddressMap>();
    nat->add(ip("198.51.100.1"), ip("203.0.113.5"));
    alice.chain.nat = nat;
  }
  alice.chain.reload({{stun_turn::filterType(), server.config}});
  CHECK(flows(server, alice) == "none");
  CHECK(alice.permit({kPeer}).code() == 403);
}

TEST_CASE("a client that arrives through a relay does not authenticate the session") {
  TurnServer server;
  TurnClient alice(server);
  alice.allocate();
  TurnClient nested(server, alice.relay().toString(), kBob);
  CHECK(nested.tryAllocate().code() == 403);
  CHECK(nested.refresh().code() == 403);
  CHECK(nested.chain.session.authenticated.empty());
}

TEST_CASE(
    "shared: an expired permission of one client does not withhold packets that another client expects") {
  TurnServer server("relays: SHARED max_shared_ports: 1 ");
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate({lifetime(3600)});
  bob.permit({kPeer});
  bob.sendIndication(kPeer, "mine");
  server.advance(299s);
  alice.permit({kPeer});
  server.advance(2s);
  CHECK(alice.peerSends(kPeer, "yours"));
  CHECK(alice.received() == kPeer + " yours");
  CHECK(bob.received() == "");
}

TEST_CASE("shared: the client that permits a peer again, long after, is the one that the peer reaches") {
  TurnServer server("relays: SHARED max_shared_ports: 1 ");
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate({lifetime(3600)});
  bob.allocate({lifetime(3600)});
  for (TurnClient* client : {&alice, &bob, &alice}) {
    client->permit({kPeer});
    CHECK(client->peerSends(kPeer, "yours"));
    CHECK(client->received() == kPeer + " yours");
    server.advance(400s);  // the permission has expired and was swept
    client->peerSends(kPeer, "no permission");
    CHECK(client->received() == "");
  }
}

TEST_CASE("shared: a worker leaves the other workers their part of a small range") {
  TurnServer server("relays: SHARED min_port: 50000 max_port: 50007 ", 4);
  std::vector<std::unique_ptr<TurnClient>> clients;
  for (uint16_t i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<TurnClient>(server, "192.0.2.1:" + std::to_string(6000 + i)));
    clients.back()->allocate();
  }
  CHECK(server.network().open_ports() == 2);
}

TEST_CASE("DONT-FRAGMENT applies to the first hop only, and not to a listener's responses") {
  TurnServer server;
  TurnClient alice(server), bob(server, "192.0.2.2:5000", kBob);
  alice.allocate();
  bob.allocate();
  alice.permit({bob.relay().toString()});
  bob.permit({alice.relay().toString()});
  bool whole = true;
  struct Sink final : net::UdpReceiver {
    explicit Sink(bool& out) : whole(out) {}
    void onPacket(net::PacketPtr&& packet) override {
      whole = packet->dont_fragment;
      packet->settle();
      packet.reset();
    }
    bool& whole;
  } sink(whole);
  server.worker.hairpin().add(bob.relay(), sink);
  alice.indicate(stun::kSend, {peer(bob.relay().toString()), payload("x"), flag(stun::kDontFragment)});
  server.worker.hairpin().deliver();
  CHECK_FALSE(whole);
}

TEST_CASE(
    "a client counts as authenticated while it has an allocation, so that its other sessions are bounded") {
  TurnServer server;
  TurnClient client(server);
  CHECK(client.refresh().code() == 437);
  CHECK_FALSE(client.chain.session.isAuthenticated());
  client.allocate();
  CHECK(client.chain.session.isAuthenticated());
  CHECK(client.refresh({number(stun::kLifetime, 0)}).code() == kSuccess);
  CHECK_FALSE(client.chain.session.isAuthenticated());
}

}  // namespace
}  // namespace sluice::test
