// RFC 8656 sections 6 and 7.2: the relayed transport address of an allocation, and its lifetime.
#include <doctest/doctest.h>

#include <memory>
#include <set>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

Attributes withToken(const Response& reserved) {
  return {text(stun::kReservationToken, reserved.text(stun::kReservationToken))};
}

// Many clients at once.
std::vector<std::unique_ptr<TurnClient>> allocateMany(TurnServer& server, size_t count,
                                                      const Attributes& attributes = {}) {
  std::vector<std::unique_ptr<TurnClient>> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<TurnClient>(server, "192.0.2.1:" + std::to_string(10'000 + i)));
    clients.back()->allocate(attributes);
  }
  return clients;
}

TEST_CASE("RFC 8656 6: relayed transport addresses MUST be unique across all allocations") {
  TurnServer server("max_allocations_per_user: 1000 min_port: 50000 max_port: 50099 ");
  const auto clients = allocateMany(server, 100);
  std::set<net::Address> relays;
  for (const auto& client : clients) relays.insert(client->relay());
  CHECK(relays.size() == 100);
  TurnClient last(server);
  CHECK(last.tryAllocate().code() == 508);
  clients[42]->refresh({lifetime(0)});
  last.allocate();
  CHECK(last.relay() == clients[42]->relay());
}

TEST_CASE("RFC 8656 7.2: ports are in the dynamic range, and random") {
  TurnServer server("max_allocations_per_user: 1000 ");
  const auto clients = allocateMany(server, 64);
  std::set<int> steps;
  uint16_t ever_set = 0, ever_clear = 0;
  for (size_t i = 0; i < clients.size(); ++i) {
    const uint16_t port = clients[i]->relay().port();
    CHECK(port >= 49152);
    ever_set |= port;
    ever_clear |= static_cast<uint16_t>(~port);
    if (i > 0) steps.insert(port - clients[i - 1]->relay().port());
  }
  CHECK(steps.size() > 32);
  CHECK((ever_set & 0x1FFF) == 0x1FFF);
  CHECK((ever_clear & 0x1FFF) == 0x1FFF);
}

TEST_CASE("RFC 8656 7.2: the first client gets a random port too, each time") {
  TurnServer server;
  TurnClient client(server);
  std::set<uint16_t> ports;
  for (int i = 0; i < 32; ++i) {
    client.allocate();
    ports.insert(client.relay().port());
    client.refresh({lifetime(0)});
  }
  CHECK(ports.size() > 24);
}

TEST_CASE("RFC 8656 7.2: ports are in the configured range") {
  TurnServer server("max_allocations_per_user: 1000 min_port: 20000 max_port: 20019 ");
  for (const auto& client : allocateMany(server, 20)) {
    CHECK(client->relay().port() >= 20000);
    CHECK(client->relay().port() <= 20019);
  }
}

TEST_CASE(
    "RFC 8656 7.2: EVEN-PORT without R gives an even port and no reservation; the RFFU bits are ignored") {
  for (const std::string relays : {"", "relays: SHARED max_shared_ports: 1 "}) {
    TurnServer server("max_allocations_per_user: 1000 " + relays);
    for (const uint8_t value : {0x00, 0x7F}) {
      for (const auto& client : allocateMany(server, 16, {bytes(stun::kEvenPort, {value})})) {
        CHECK(client->relay().port() % 2 == 0);
        CHECK(server.network().reserved_ports() == 0);
        client->refresh({lifetime(0)});
      }
    }
  }
}

TEST_CASE("RFC 8656 7.2: EVEN-PORT with R reserves the next port under a token of eight bytes") {
  TurnServer server("max_allocations_per_user: 1000 ");
  std::set<std::string> tokens;
  for (const uint8_t value : {0x80, 0xFF}) {
    TurnClient client(server, "192.0.2.1:" + std::to_string(value));
    const Response response = client.allocate({bytes(stun::kEvenPort, {value})});
    CHECK(client.relay().port() % 2 == 0);
    CHECK(response.text(stun::kReservationToken).size() == 8);
    tokens.insert(response.text(stun::kReservationToken));
    TurnClient second(server, "192.0.2.2:5000");
    const Response used = second.allocate(withToken(response));
    CHECK(second.relay() == client.relay().withPort(static_cast<uint16_t>(client.relay().port() + 1)));
    CHECK_FALSE(used.has(stun::kReservationToken));
  }
  CHECK(tokens.size() == 2);
}

TEST_CASE("RFC 8656 7.2: a reservation MUST be held for 30 seconds, and only the token claims it") {
  TurnServer server("min_port: 50000 max_port: 50001 ");
  TurnClient first(server), thief(server, "192.0.2.2:1"), second(server, "192.0.2.3:1");
  const Response reserved = first.allocate({evenPort(true)});
  server.advance(29s);
  CHECK(thief.tryAllocate().code() == 508);
  second.allocate(withToken(reserved));
  CHECK(second.relay().port() == 50001);
}

TEST_CASE(
    "RFC 8656 7.2 check 5: a refused request leaves the reservation to the next request, for its remaining "
    "time") {
  TurnServer server("max_allocations_per_user: 2 ");
  TurnClient first(server), bob(server, "192.0.2.2:1", kBob), other(server, "192.0.2.2:2", kBob),
      third(server, "192.0.2.2:3", kBob);
  const Response reserved = first.allocate({evenPort(true)});
  bob.allocate();
  other.allocate();
  CHECK(third.tryAllocate(withToken(reserved)).code() == 486);
  CHECK(first.tryAllocate(withToken(reserved)).code() == 437);
  TurnClient alice(server, "192.0.2.1:2");
  CHECK(alice.tryAllocate().code() == 486);  // it still counts as one of hers
  other.refresh({lifetime(0)});
  third.allocate(withToken(reserved));
  CHECK(third.relay() == first.relay().withPort(static_cast<uint16_t>(first.relay().port() + 1)));
  alice.allocate();
}

TEST_CASE("RFC 8656 7.2 check 5: a token is valid once") {
  TurnServer server;
  TurnClient first(server), second(server, "192.0.2.2:1"), third(server, "192.0.2.3:1");
  const Response reserved = first.allocate({evenPort(true)});
  second.allocate(withToken(reserved));
  CHECK(third.tryAllocate(withToken(reserved)).code() == 508);
  second.refresh({lifetime(0)});
  CHECK(third.tryAllocate(withToken(reserved)).code() == 508);
}

TEST_CASE(
    "RFC 8656 7.2: a reservation belongs to the whole server: any 5-tuple and any client family may use it") {
  TurnServer server(kBothFamilies);
  TurnClient first(server);
  const Response reserved = first.allocate({evenPort(true)});
  TurnClient second(server, "[2001:db8:1::1]:5000");
  second.allocate(withToken(reserved));
  CHECK(second.relay().ipString() == "198.51.100.1");
}

TEST_CASE("RFC 8656 7.2: a reservation outlives the allocation that created it, but not its own 30 seconds") {
  TurnServer server("min_port: 50000 max_port: 50001 ");
  TurnClient first(server), second(server, "192.0.2.2:1"), third(server, "192.0.2.3:1");
  const Response reserved = first.allocate({evenPort(true)});
  first.refresh({lifetime(0)});
  server.advance(29s);
  second.allocate(withToken(reserved));
  second.refresh({lifetime(0)});
  const Response again = first.allocate({evenPort(true)});
  server.advance(3601s);
  CHECK(server.network().reserved_ports() == 0);
  CHECK(third.tryAllocate(withToken(again)).code() == 508);
  third.allocate({evenPort(true)});
}

TEST_CASE("RFC 8656 6: data, permissions, channels and Binding do not refresh an allocation") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  for (int i = 0; i < 10; ++i) {
    CHECK(client.permit({kPeer}).code() == kSuccess);
    CHECK(client.bind(0x4000, kPeer).code() == kSuccess);
    CHECK(flows(server, client, 0x4000) == "both");
    CHECK(client.bareRequest(stun::kBinding).code() == kSuccess);
    server.advance(59s);
  }
  server.advance(11s);
  CHECK(server.network().open_ports() == 0);
  CHECK(flows(server, client, 0x4000) == "none");
  CHECK(client.permit({kPeer}).code() == 437);
}

TEST_CASE("RFC 8656 6: the 5-tuple's session is kept as long as its allocation") {
  TurnServer server;
  TurnClient client(server);
  client.allocate({lifetime(1800)});
  CHECK(client.chain.session.alive_until >= server.clock.now() + 1800s);
  client.refresh({lifetime(3600)});
  CHECK(client.chain.session.alive_until >= server.clock.now() + 3600s);
}

TEST_CASE("RFC 8656 6: the resources of an allocation are free when its session ends") {
  TurnServer server;
  TurnClient client(server);
  client.allocate({evenPort(true)});
  client.chain.closeChain();
  CHECK(server.network().open_ports() == 0);
  server.advance(3601s);
  CHECK(server.network().reserved_ports() == 0);
}

}  // namespace
}  // namespace sluice::test
