// RFC 8489 sections 10 and 14.8: redirecting clients to another server.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::string kFull = "max_allocations: 1 max_allocations_per_user: 1 " + kBothFamilies;

// ALTERNATE-SERVER's values, in their order: encoded like MAPPED-ADDRESS (section 14.15).
std::vector<std::string> alternates(const Response& response) {
  std::vector<std::string> found;
  response.message().forEach([&](uint16_t type, Bytes value) {
    if (type != stun::kAlternateServer) return;
    REQUIRE(value.size() >= 8);
    CHECK(value[0] == 0);
    const size_t size = value[1] == kIpv4 ? 4 : 16;
    REQUIRE(value.size() == 4 + size);
    found.push_back(net::Address(value.subspan(4), readU16(&value[2])).toString());
  });
  return found;
}

struct Full {
  TurnServer server;
  TurnClient first;

  explicit Full(const std::string& turn) : server(kFull + turn), first(server, "192.0.2.100:1", kBob) {
    first.allocate();
  }
};

TEST_CASE(
    "RFC 8489 10: error 300 names a server of the client's family first, then one of the other family") {
  const std::string both = "alternate_servers: '192.0.2.9:3478' alternate_servers: '[2001:db8::9]:3479' ";
  const std::string v4 = "192.0.2.9:3478", v6 = "[2001:db8::9]:3479";
  Full full(both);
  TurnClient of_v4(full.server, "192.0.2.1:5000");
  const Response to_v4 = of_v4.tryAllocate();
  CHECK(to_v4.code() == 300);
  CHECK(alternates(to_v4) == std::vector{v4, v6});
  TurnClient of_v6(full.server, "[2001:db8:1::1]:5000");
  const Response to_v6 = of_v6.tryAllocate();
  CHECK(to_v6.code() == 300);
  CHECK(alternates(to_v6) == std::vector{v6, v4});
}

TEST_CASE("RFC 8489 10: without a server of the client's family there is no error 300") {
  Full full("alternate_servers: '[2001:db8::9]:3479' ");
  TurnClient client(full.server);
  CHECK(client.tryAllocate().code() == 508);
  TurnClient of_v6(full.server, "[2001:db8:1::1]:5000");
  CHECK(of_v6.tryAllocate().code() == 300);
}

TEST_CASE("RFC 8489 14.8: error 300 is sent only for authentic requests, protected") {
  Full full("alternate_servers: '192.0.2.9:3478' ");
  TurnClient client(full.server);
  CHECK(client.bareRequest(stun::kAllocate, {transport()}).code() == 401);
  Auth auth = client.auth();
  auth.password = "wrong";
  CHECK(client.request(stun::kAllocate, {transport()}, auth).code() == 401);
  CHECK(client.tryAllocate().protection == "sha256");
}

TEST_CASE("RFC 8489 10, RFC 8656 7.2 check 11: new allocations are redirected, existing ones are not") {
  Full full("alternate_servers: '192.0.2.9:3478' ");
  CHECK(full.first.refresh().code() == kSuccess);
  CHECK(full.first.permit({kPeer}).code() == kSuccess);
  CHECK(flows(full.server, full.first) == "both");
  CHECK(full.first.bareRequest(stun::kBinding).code() == kSuccess);
}

TEST_CASE("RFC 8656 7.2: a full server without an alternate server has insufficient capacity") {
  Full full("");
  TurnClient client(full.server);
  const Response response = client.tryAllocate();
  CHECK(response.code() == 508);
  CHECK(response.protection == "sha256");
  full.first.refresh({lifetime(0)});
  client.allocate();
}

}  // namespace
}  // namespace sluice::test
