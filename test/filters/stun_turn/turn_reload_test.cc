// The effect of a reload on live allocations.
#include <doctest/doctest.h>

#include "filters/stun_turn/stun_turn.h"
#include "source/crypto/hmac.h"
#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

void reload(TurnServer& server, TurnClient& client, const std::string& turn) {
  server.config = TurnServer(turn).config;
  client.chain.reload({{stun_turn::filterType(), server.config}});
}

// As the join API issues them (TURN REST API).
User timeLimited(const std::string& secret) {
  const std::string name = "1700100000:alice";
  uint8_t mac[20];
  crypto::hmacSha1(asBytes(secret), asBytes(name), mac);
  return {name, crypto::base64(mac)};
}

TEST_CASE(
    "an allocation continues with fewer peers, less bandwidth and smaller quotas, which apply at once") {
  TurnServer server;
  TurnClient alice(server), again(server, "192.0.2.1:5001");
  alice.allocate();
  CHECK(alice.permit({kPeer, "203.0.113.6:7000"}).code() == kSuccess);
  const net::Address relay = alice.relay();

  reload(server, alice, "denied_peers: '203.0.113.6/32' ");
  CHECK(flows(server, alice, "203.0.113.6:7000") == "none");
  CHECK(flows(server, alice) == "both");
  CHECK(alice.permit({"203.0.113.6:7000"}).code() == 403);

  reload(server, alice, "max_bandwidth_per_user_bps: 8000 ");
  const uint64_t before = alice.chain.dropped("stun_turn", "bandwidth");
  for (int i = 0; i < 100; ++i) alice.sendIndication(kPeer, std::string(1000, 'k'));
  CHECK(alice.chain.dropped("stun_turn", "bandwidth") > before + 50);

  reload(server, alice, "max_allocations_per_user: 1 ");
  TurnClient late(server, "192.0.2.1:5002");
  CHECK(late.tryAllocate().code() == 486);
  CHECK(alice.refresh().code() == kSuccess);
  CHECK(flows(server, alice) == "both");
  CHECK(alice.relay() == relay);

  reload(server, alice, "max_peers_per_allocation: 1 ");
  CHECK(alice.permit({kPeer}).code() == kSuccess);  // existing ones can be refreshed
  CHECK(alice.permit({"203.0.113.7:7000"}).code() == 508);
  CHECK(flows(server, alice) == "both");
}

TEST_CASE("shared secrets are rotated under live allocations: old and new, then new alone") {
  const std::string old_secret = "the old shared secret", new_secret = "the new shared secret";
  TurnServer server;
  server.shared_secrets = {old_secret};
  TurnClient veteran(server, "192.0.2.1:5000", timeLimited(old_secret));
  veteran.allocate();
  const auto configure = [&](std::vector<std::string> secrets) {
    server.shared_secrets = std::move(secrets);
    const Clock& clock = server.clock;
    veteran.chain.credentials = std::make_shared<credentials::Store>(
        credentials::Options{.users = server.users,
                             .shared_secrets = server.shared_secrets,
                             .grace = std::chrono::seconds{86'400}},
        [&clock] {
          return 1'700'000'000 +
                 std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count();
        });
    veteran.chain.reload({{stun_turn::filterType(), server.config}});
  };

  configure({new_secret, old_secret});
  CHECK(veteran.refresh().code() == kSuccess);
  TurnClient recruit(server, "192.0.2.2:5000", timeLimited(new_secret));
  CHECK(recruit.tryAllocate().code() == kSuccess);

  configure({new_secret});
  CHECK(veteran.permit({kPeer}).code() == 401);
  server.advance(599s);
  CHECK(server.network().open_ports() == 2);  // to its end
  server.advance(10s);
  CHECK(server.network().open_ports() == 0);
}

}  // namespace
}  // namespace sluice::test
