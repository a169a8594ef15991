// RFC 8656 section 8: refreshing and deleting an allocation.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

struct Session {
  TurnServer server;
  TurnClient client{server};

  explicit Session(const std::string& turn = "") : server(turn) { client.allocate(); }
  bool alive() { return server.network().open_ports() == 1; }
};

TEST_CASE("RFC 8656 8.2: the lifetime is the requested one, between the default and the server's maximum") {
  struct Lifetime {
    std::optional<uint32_t> requested;
    uint32_t given;
    std::string turn = "";
  };
  for (const Lifetime& entry : {Lifetime{std::nullopt, 600},
                                {1, 600},
                                {599, 600},
                                {600, 600},
                                {601, 601},
                                {3600, 3600},
                                {3601, 3600},
                                {0xFFFFFFFF, 3600},
                                {7200, 7200, "max_lifetime_s: 7200 "},
                                {1200, 600, "max_lifetime_s: 600 "}}) {
    CAPTURE(entry.given);
    Session s(entry.turn);
    s.server.advance(100s);
    const Response response =
        s.client.refresh(entry.requested ? Attributes{lifetime(*entry.requested)} : Attributes{});
    CHECK(response.code() == kSuccess);
    CHECK(response.number(stun::kLifetime) == entry.given);
    CHECK(response.protection == "sha256");
    s.server.advance(std::chrono::seconds(entry.given) - 1s);
    CHECK(s.alive());
    s.server.advance(2s);
    CHECK_FALSE(s.alive());
  }
}

TEST_CASE("RFC 8656 8.2: a Refresh may shorten the remaining lifetime, down to the default") {
  TurnServer server;
  TurnClient client(server);
  client.allocate({lifetime(3600)});
  CHECK(client.refresh().number(stun::kLifetime) == 600);
  server.advance(601s);
  CHECK(server.network().open_ports() == 0);
}

TEST_CASE("RFC 8656 8.2: a lifetime of zero deletes the allocation at once, and the response confirms it") {
  Session s;
  const net::Address relay = s.client.relay();
  s.client.permit({kPeer});
  s.client.bind(0x4000, kPeer);
  const Response response = s.client.refresh({lifetime(0)});
  CHECK(response.code() == kSuccess);
  CHECK(response.number(stun::kLifetime) == 0);
  CHECK_FALSE(s.alive());
  CHECK_FALSE(s.server.network().deliver(*net::Address::parse(kPeer), relay, asBytes("late")));
  CHECK(flows(s.server, s.client) == "none");
  CHECK(flows(s.server, s.client, 0x4000) == "none");
  CHECK(s.client.refresh().code() == 437);
  CHECK(s.client.refresh({lifetime(0)}).code() == 437);
  CHECK(s.client.permit({kPeer}).code() == 437);
}

TEST_CASE("RFC 8656 8, 9, 12: the next allocation of the 5-tuple inherits no permission and no channel") {
  for (const bool deleted : {true, false}) {
    CAPTURE(deleted);
    TurnServer server("min_port: 50000 max_port: 50000 ");  // even on the same relayed address
    TurnClient client(server);
    client.allocate();
    server.advance(590s);
    client.permit({kPeer});
    client.bind(0x4000, "203.0.113.6:7000");
    if (deleted) client.refresh({lifetime(0)});
    server.advance(11s);
    client.allocate();
    CHECK(flows(server, client) == "none");
    CHECK(flows(server, client, 0x4000, "203.0.113.6:7000") == "none");
    CHECK(client.bind(0x4000, kPeer).code() == kSuccess);  // the number is free
  }
}

TEST_CASE("RFC 8656 8.2: a family that the allocation does not have is an error 443") {
  for (const uint8_t mine : {kIpv4, kIpv6}) {
    TurnServer server(kBothFamilies);
    TurnClient client(server);
    client.allocate({family(mine)});
    const uint8_t other = mine == kIpv4 ? kIpv6 : kIpv4;
    CHECK(client.refresh({family(other)}).code() == 443);
    CHECK(client.refresh({lifetime(0), family(other)}).code() == 443);
    CHECK(client.refresh({lifetime(0), family(3)}).code() > 0);
    CHECK(server.network().open_ports() == 1);
    CHECK(client.refresh({family(mine)}).code() == kSuccess);
    CHECK(client.refresh({lifetime(0), family(mine)}).code() == kSuccess);
    CHECK(server.network().open_ports() == 0);
  }
}

TEST_CASE("RFC 8656 18.2: a LIFETIME that is not four bytes long deletes nothing") {
  for (const size_t size : {0, 1, 2, 3, 8}) {
    CAPTURE(size);
    Session s;
    s.client.refresh({bytes(stun::kLifetime, std::vector<uint8_t>(size))});
    CHECK(s.alive());
  }
}

TEST_CASE("RFC 8656 8.2: a Refresh without credentials, or with a stale nonce, deletes nothing") {
  Session s("nonce_lifetime_s: 60 ");
  CHECK(s.client.bareRequest(stun::kRefresh, {lifetime(0)}).code() == 401);
  s.server.advance(70s);
  CHECK(s.client.request(stun::kRefresh, {lifetime(0)}, s.client.auth()).code() == 438);
  CHECK(s.alive());
}

TEST_CASE("RFC 8656 8: an allocation that is refreshed in time continues") {
  Session s;
  for (int i = 0; i < 60; ++i) {
    s.server.advance(540s);
    CHECK(s.client.refresh().code() == kSuccess);
  }
  CHECK(s.alive());
  s.client.permit({kPeer});
  CHECK(flows(s.server, s.client) == "both");
}

TEST_CASE("RFC 8656 8.2: refreshing an allocation refreshes neither permission nor channel") {
  Session s;
  s.client.permit({kPeer});
  s.client.bind(0x4000, "203.0.113.6:7000");
  for (int i = 0; i < 6; ++i) {
    s.server.advance(50s);
    s.client.refresh();
  }
  s.server.advance(1s);
  CHECK(flows(s.server, s.client) == "none");
  s.server.advance(300s);
  s.client.refresh();
  s.client.permit({"203.0.113.6:0"});
  CHECK(flows(s.server, s.client, 0x4000, "203.0.113.6:7000") == "none");
}

}  // namespace
}  // namespace sluice::test
