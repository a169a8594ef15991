// RFC 8489 section 6.3.1: a request that is retransmitted within 40 seconds changes nothing and gets the same
// response.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

struct Session {
  TurnServer server;
  TurnClient client{server};
  Auth auth = client.auth();

  Response send(Bytes request) { return client.send(request, &auth); }
  std::vector<uint8_t> formed(uint16_t method, const stun::TransactionId& id, const Attributes& attributes) {
    return form(method, stun::Class::kRequest, id, attributes, &auth);
  }
};

TEST_CASE("RFC 8489 6.3.1: every retransmitted request gets its first response, byte for byte") {
  struct Request {
    std::string name;
    uint16_t method;
    Attributes attributes;
    bool allocated = true;
  };
  const Request table[]{
      {"Allocate", stun::kAllocate, {transport()}, false},
      {"Allocate for long", stun::kAllocate, {transport(), lifetime(3000)}, false},
      {"Allocate and reserve", stun::kAllocate, {transport(), evenPort(true)}, false},
      {"Allocate that fails", stun::kAllocate, {transport(6)}, false},
      {"Allocate in vain", stun::kAllocate, {transport()}},
      {"Refresh", stun::kRefresh, {lifetime(1200)}},
      {"Refresh to delete", stun::kRefresh, {lifetime(0)}},
      {"CreatePermission", stun::kCreatePermission, {peer(kPeer)}},
      {"ChannelBind", stun::kChannelBind, {channel(0x4000), peer(kPeer)}},
      {"ChannelBind that fails", stun::kChannelBind, {channel(0x3FFF), peer(kPeer)}},
  };
  for (const Request& entry : table) {
    CAPTURE(entry.name);
    Session s;
    if (entry.allocated) s.client.allocate();
    const auto request = s.formed(entry.method, newTransaction(), entry.attributes);
    const Response first = s.send(request);
    REQUIRE_FALSE(first.bytes.empty());
    const size_t ports = s.server.network().open_ports();
    const size_t reserved = s.server.network().reserved_ports();
    for (const Duration later : {0s, 1s, 38s}) {
      s.server.advance(later);
      CHECK(s.send(request).bytes == first.bytes);
      CHECK(s.server.network().open_ports() == ports);
      CHECK(s.server.network().reserved_ports() <= reserved);  // it may have ended
    }
  }
}

TEST_CASE("RFC 8489 6.3.1: an Allocate that uses a reservation may be retransmitted") {
  TurnServer server;
  TurnClient first(server);
  const Response reserved = first.allocate({evenPort(true)});
  const std::string token = reserved.text(stun::kReservationToken);
  TurnClient second(server, "192.0.2.2:5000");
  const Auth auth = second.auth();
  const auto request = form(stun::kAllocate, stun::Class::kRequest, newTransaction(),
                            {transport(), text(stun::kReservationToken, token)}, &auth);
  const Response response = second.send(request, &auth);
  CHECK(response.code() == kSuccess);
  server.advance(39s);
  CHECK(second.send(request, &auth).bytes == response.bytes);
  CHECK(server.network().open_ports() == 2);
}

TEST_CASE(
    "RFC 8489 6.3.1: a late copy of an Allocate does not restore an allocation that was deleted since") {
  Session s;
  const auto request = s.formed(stun::kAllocate, newTransaction(), {transport()});
  CHECK(s.send(request).code() == kSuccess);
  CHECK(s.client.refresh({lifetime(0)}).code() == kSuccess);
  s.server.advance(10s);
  s.send(request);
  CHECK(s.server.network().open_ports() == 0);
  CHECK(s.server.network().reserved_ports() == 0);
}

TEST_CASE("RFC 8489 6.3.1: a late copy of a deleting Refresh does not affect the next allocation") {
  Session s;
  s.client.allocate();
  const auto request = s.formed(stun::kRefresh, newTransaction(), {lifetime(0)});
  const Response deleted = s.send(request);
  s.client.allocate();
  CHECK(s.send(request).bytes == deleted.bytes);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 6.3.1: a late copy of an Allocate gets no address of the allocation that followed") {
  Session s;
  const auto request = s.formed(stun::kAllocate, newTransaction(), {transport()});
  const Response first = s.send(request);
  s.client.refresh({lifetime(0)});
  s.client.allocate();
  const Response again = s.send(request);
  CHECK((again.bytes == first.bytes || again.code() == 437));
}

TEST_CASE("RFC 8489 6.3.1: the same transaction ID from another source address is another transaction") {
  TurnServer server;
  TurnClient one(server, "192.0.2.1:5000"), port(server, "192.0.2.1:5001"), host(server, "192.0.2.2:5000");
  const stun::TransactionId id = newTransaction();
  size_t allocations = 0;
  for (TurnClient* client : {&one, &port, &host}) {
    const Auth auth = client->auth();
    const auto request = form(stun::kAllocate, stun::Class::kRequest, id, {transport()}, &auth);
    CHECK(client->send(request, &auth).code() == kSuccess);
    CHECK(server.network().open_ports() == ++allocations);
  }
}

TEST_CASE("RFC 8489 6.3.1: no response is kept for requests that are not authentic") {
  Session s;
  const stun::TransactionId id = newTransaction();
  CHECK(s.send(form(stun::kAllocate, stun::Class::kRequest, id, {transport()})).code() == 401);
  Auth wrong = s.auth;
  wrong.password = "wrong";
  CHECK(s.send(form(stun::kAllocate, stun::Class::kRequest, id, {transport()}, &wrong)).code() == 401);
  CHECK(s.send(s.formed(stun::kAllocate, id, {transport()})).code() == kSuccess);
}

TEST_CASE("RFC 8489 6.3.1: a forged copy of a transaction ID neither gets the response nor has an effect") {
  Session s;
  const stun::TransactionId id = newTransaction();
  CHECK(s.send(s.formed(stun::kAllocate, id, {transport()})).code() == kSuccess);
  const Response forged = s.send(form(stun::kAllocate, stun::Class::kRequest, id, {transport()}));
  CHECK(forged.code() != kSuccess);
  const Response deletes = s.send(form(stun::kRefresh, stun::Class::kRequest, id, {lifetime(0)}));
  CHECK(deletes.code() != kSuccess);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 6.3.1: responses are kept also when many transactions are in progress at once") {
  Session s;
  s.client.allocate();
  std::vector<std::vector<uint8_t>> requests;
  std::vector<Response> responses;
  for (uint16_t i = 0; i < 40; ++i) {
    const Attributes attributes{channel(static_cast<uint16_t>(0x4000 + i)),
                                peer("203.0.113.5:" + std::to_string(7000 + i))};
    requests.push_back(s.formed(stun::kChannelBind, newTransaction(), attributes));
    responses.push_back(s.send(requests.back()));
  }
  for (size_t i = 0; i < requests.size(); ++i) CHECK(s.send(requests[i]).bytes == responses[i].bytes);
}

TEST_CASE("RFC 8489 6.3.1: Binding needs no memory: every copy gets the same response") {
  Session s;
  const auto request = form(stun::kBinding, stun::Class::kRequest, newTransaction(), {});
  const Response first = s.client.send(request);
  CHECK(first.code() == kSuccess);
  CHECK(s.client.send(request).bytes == first.bytes);
}

}  // namespace
}  // namespace sluice::test
