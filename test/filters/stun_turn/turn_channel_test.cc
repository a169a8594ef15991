// RFC 8656 section 12: channels.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::string kOther = "203.0.113.6:7000";
constexpr uint16_t kChannel = 0x4000;

struct Session {
  TurnServer server;
  TurnClient client{server};

  explicit Session(const std::string& turn = "") : server(turn) { client.allocate(); }
  std::string flows(uint16_t channel = kChannel, const std::string& peer = kPeer) {
    return test::flows(server, client, channel, peer);
  }
  int bind(const Attributes& attributes) { return client.request(stun::kChannelBind, attributes).code(); }
  void permit() { CHECK(client.permit({kPeer}).code() == kSuccess); }
};

TEST_CASE("RFC 8656 12.2: a binding carries data in both directions and permits the peer's address") {
  Session s;
  const Response response = s.client.bind(kChannel, kPeer);
  CHECK(response.code() == kSuccess);
  CHECK(response.protection == "sha256");
  CHECK(s.flows() == "both");
  CHECK(test::flows(s.server, s.client, "203.0.113.5:9") == "both");
}

TEST_CASE("RFC 8656 12: channels are 0x4000 to 0x4FFF") {
  for (const uint16_t number : {0x4000, 0x4001, 0x4FFE, 0x4FFF}) {
    CAPTURE(number);
    Session s;
    CHECK(s.client.bind(number, kPeer).code() == kSuccess);
    CHECK(s.flows(number) == "both");
  }
  for (const uint16_t number : {0x0000, 0x0001, 0x3FFF, 0x5000, 0x7FFF, 0x8000, 0xFFFF}) {
    CAPTURE(number);
    Session s;
    CHECK(s.client.bind(number, kPeer).code() == 400);
    CHECK(test::flows(s.server, s.client) == "none");
  }
}

TEST_CASE("RFC 8656 12.2: a request without a channel or a valid peer is a bad request") {
  const auto number = [](std::vector<uint8_t> value) {
    return bytes(stun::kChannelNumber, std::move(value));
  };
  const auto address = [](std::vector<uint8_t> value) {
    return bytes(stun::kXorPeerAddress, std::move(value));
  };
  Session s;
  CHECK(s.bind({}) == 400);
  CHECK(s.bind({channel(kChannel)}) == 400);
  CHECK(s.bind({peer(kPeer)}) == 400);
  CHECK(s.bind({number({}), peer(kPeer)}) == 400);
  CHECK(s.bind({number({0x40, 0}), peer(kPeer)}) == 400);
  CHECK(s.bind({number({0x40, 0, 0, 0, 0}), peer(kPeer)}) == 400);
  CHECK(s.bind({channel(kChannel), address({})}) == 400);
  CHECK(s.bind({channel(kChannel), address({0, 1, 0, 80, 1, 2, 3})}) == 400);
  CHECK(s.bind({channel(kChannel), address({0, 3, 0, 80, 1, 2, 3, 4})}) == 400);
  CHECK(test::flows(s.server, s.client) == "none");
}

TEST_CASE("RFC 8656 18.1: the rest of CHANNEL-NUMBER MUST be ignored") {
  Session s;
  CHECK(s.bind({number(stun::kChannelNumber, 0x4000FFFF), peer(kPeer)}) == kSuccess);
  CHECK(s.flows() == "both");
}

TEST_CASE(
    "RFC 8656 12.2: a channel belongs to one transport address, and a transport address to one channel") {
  Session s;
  CHECK(s.client.bind(kChannel, kPeer).code() == kSuccess);
  CHECK(s.client.bind(kChannel, kOther).code() == 400);
  CHECK(s.client.bind(kChannel, "203.0.113.5:7001").code() == 400);
  CHECK(s.client.bind(0x4001, kPeer).code() == 400);
  CHECK(test::flows(s.server, s.client, kOther) == "none");  // a failed request permits nothing
  CHECK(s.client.bind(kChannel, kPeer).code() == kSuccess);
  CHECK(s.client.bind(0x4001, "203.0.113.5:7001").code() == kSuccess);
  CHECK(s.client.bind(0x4002, kOther).code() == kSuccess);
  CHECK(s.flows() == "both");
  CHECK(s.flows(0x4001, "203.0.113.5:7001") == "both");
}

TEST_CASE("RFC 8656 12: a channel belongs to its allocation") {
  Session s;
  TurnClient other(s.server, "192.0.2.2:5000");
  other.allocate();
  CHECK(s.client.bind(kChannel, kPeer).code() == kSuccess);
  CHECK(test::flows(s.server, other, kChannel) == "none");
  CHECK(other.bind(kChannel, kOther).code() == kSuccess);
  CHECK(other.bind(0x4001, kPeer).code() == kSuccess);
  CHECK(s.flows() == "both");
  CHECK(test::flows(s.server, other, kChannel, kOther) == "both");
  CHECK(test::flows(s.server, other, 0x4001) == "both");
}

TEST_CASE("RFC 8656 12: a binding lasts ten minutes") {
  TurnServer server;
  TurnClient client(server);
  client.allocate({lifetime(3600)});
  client.bind(kChannel, kPeer);
  server.advance(599s);
  client.permit({kPeer});
  CHECK(flows(server, client, kChannel) == "both");
  server.advance(2s);
  CHECK(flows(server, client, kChannel) == "none");
  CHECK(flows(server, client) == "both");  // the permission continues, so data arrives in a Data indication
  CHECK(client.bind(0x4001, kPeer).code() == kSuccess);
  CHECK(client.bind(kChannel, kOther).code() == kSuccess);
}

TEST_CASE("RFC 8656 12: binding again restarts the ten minutes and the permission") {
  TurnServer server;
  TurnClient client(server);
  client.allocate({lifetime(3600)});
  client.bind(kChannel, kPeer);
  server.advance(590s);
  CHECK(client.bind(kChannel, kPeer).code() == kSuccess);
  server.advance(299s);
  CHECK(flows(server, client, kChannel) == "both");
  server.advance(300s);
  client.permit({kPeer});
  CHECK(flows(server, client, kChannel) == "both");
  server.advance(2s);
  CHECK(flows(server, client, kChannel) == "none");
}

TEST_CASE("RFC 8656 12.6: data MUST NOT refresh a binding") {
  TurnServer server;
  TurnClient client(server);
  client.allocate({lifetime(3600)});
  client.bind(kChannel, kPeer);
  for (int i = 0; i < 10; ++i) {
    server.advance(60s);
    client.permit({kPeer});
    CHECK(flows(server, client, kChannel) == (i < 9 ? "both" : "none"));
  }
}

TEST_CASE(
    "RFC 8656 9, 12: a binding that outlives its permission carries nothing until the permission is "
    "installed again") {
  Session s;
  s.client.bind(kChannel, kPeer);
  s.server.advance(301s);
  CHECK(s.flows() == "none");
  CHECK(s.client.bind(0x4001, kPeer).code() == 400);  // still bound
  s.permit();
  CHECK(s.flows() == "both");
}

TEST_CASE("RFC 8656 12.2: a peer of a family that the allocation does not have is an error 443") {
  TurnServer server(kBothFamilies);
  TurnClient of_v4(server, "192.0.2.1:1"), of_v6(server, "192.0.2.1:2");
  of_v4.allocate();
  of_v6.allocate({family(kIpv6)});
  CHECK(of_v4.bind(kChannel, "[2a01:4f8::5]:7000").code() == 443);
  CHECK(of_v6.bind(kChannel, kPeer).code() == 443);
  CHECK(of_v6.bind(kChannel, "[2a01:4f8::5]:7000").code() == kSuccess);
  CHECK(flows(server, of_v6, kChannel, "[2a01:4f8::5]:7000") == "both");
}

TEST_CASE("RFC 8656 12.2: a peer that is not allowed is an error 403") {
  Session s("denied_peers: '203.0.113.6/32' ");
  CHECK(s.client.bind(kChannel, kOther).code() == 403);
  CHECK(s.client.bind(kChannel, kPeer).code() == kSuccess);
}

TEST_CASE("RFC 8656 12.2: beyond the capacity is an error 508; existing channels can be refreshed") {
  Session s("max_peers_per_allocation: 2 ");
  CHECK(s.client.bind(0x4000, "203.0.113.5:1").code() == kSuccess);
  CHECK(s.client.bind(0x4001, "203.0.113.5:2").code() == kSuccess);
  CHECK(s.client.bind(0x4002, "203.0.113.5:3").code() == 508);
  CHECK(s.client.bind(0x4001, "203.0.113.5:2").code() == kSuccess);
}

TEST_CASE("RFC 8656 12.2: without credentials nothing is bound") {
  Session s;
  CHECK(s.client.bareRequest(stun::kChannelBind, {channel(kChannel), peer(kPeer)}).code() == 401);
  CHECK(s.flows() == "none");
}

}  // namespace
}  // namespace sluice::test
