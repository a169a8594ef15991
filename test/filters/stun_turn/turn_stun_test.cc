// RFC 8489 sections 5, 6.3 and 12: the datagrams that a TURN server accepts as STUN messages, and its
// handling of others.
#include <doctest/doctest.h>

#include <set>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::vector<uint16_t> kRequests{stun::kAllocate, stun::kRefresh, stun::kCreatePermission,
                                      stun::kChannelBind};

// A client with an allocation.
struct Session {
  TurnServer server;
  TurnClient client{server};

  Session() { client.allocate(); }
};

TEST_CASE(
    "RFC 8489 5: a datagram that violates the header's rules is not a STUN message and gets no response") {
  struct Damage {
    std::string name;
    size_t at;
    uint8_t flip;
  };
  for (const Damage& damage :
       {Damage{"first bit", 0, 0x80}, Damage{"second bit", 0, 0x40}, Damage{"magic cookie", 4, 0x01},
        Damage{"magic cookie's end", 7, 0x01}, Damage{"length no multiple of 4", 3, 0x01},
        Damage{"length is not the datagram's", 3, 0x04}}) {
    CAPTURE(damage.name);
    Session s;
    auto request = s.client.formed(stun::kRefresh, {lifetime(0)});
    request[damage.at] ^= damage.flip;
    CHECK(s.client.send(request).code() == kSilence);
    CHECK(s.server.network().open_ports() == 1);
  }
}

TEST_CASE("RFC 8489 5: an attribute that exceeds the message, or a truncated header, is discarded") {
  Session s;
  auto request = s.client.formed(stun::kRefresh, {lifetime(0)});
  request[stun::kHeaderSize + 3] = 0xFF;  // LIFETIME's length
  CHECK(s.client.send(request).code() == kSilence);
  for (const size_t size : {1, 2, 4, 8, 19}) s.client.send(Bytes(request).first(size));
  CHECK(s.client.received() == "");
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 5: transaction IDs of the server's own indications are random") {
  Session s;
  s.client.permit({kPeer});
  stun::TransactionId last{};
  std::set<uint32_t> steps[3];  // from one to the next: a counter of any kind repeats them
  for (int i = 0; i < 64; ++i) {
    s.client.peerSends(kPeer, "data");
    const stun::TransactionId id = stun::parse(s.client.chain.outer.back().data)->id;
    for (size_t word = 0; word < 3; ++word)
      steps[word].insert(readU32(&id[4 * word]) - readU32(&last[4 * word]));
    last = id;
  }
  for (const auto& of_word : steps) CHECK(of_word.size() == 64);
}

TEST_CASE("RFC 8489 6.3: an unsupported method is silently discarded") {
  Session s;
  for (const uint16_t method : {0x000, 0x002, 0x005, 0x00A, 0x00B, 0x123, 0xFFF})
    CHECK(s.client.request(method, {peer(kPeer)}).code() == kSilence);
}

TEST_CASE("RFC 8489 6.3: a class that the method does not have is silently discarded") {
  Session s;
  const Auth auth = s.client.auth();
  auto send = [&](uint16_t method, stun::Class kind, const Attributes& attributes) {
    const size_t before = s.client.chain.outer.size();
    s.client.send(form(method, kind, newTransaction(), attributes, &auth));
    CHECK(s.client.chain.outer.size() == before);
  };
  s.client.permit({kPeer});
  send(stun::kSend, stun::Class::kRequest, {peer(kPeer), payload("x")});
  send(stun::kDataIndication, stun::Class::kRequest, {peer(kPeer), payload("x")});
  send(stun::kDataIndication, stun::Class::kIndication, {peer(kPeer), payload("x")});
  send(stun::kRefresh, stun::Class::kIndication, {lifetime(0)});
  send(stun::kCreatePermission, stun::Class::kIndication, {peer("203.0.113.6:1")});
  send(stun::kChannelBind, stun::Class::kIndication, {channel(0x4001), peer(kPeer)});
  CHECK(s.server.sent() == "");
  CHECK(s.server.network().open_ports() == 1);
  CHECK(flows(s.server, s.client, "203.0.113.6:1") == "none");
  CHECK(flows(s.server, s.client, 0x4001) == "none");

  TurnClient other(s.server, "192.0.2.2:5000");
  const Auth others = other.auth();
  other.send(form(stun::kAllocate, stun::Class::kIndication, newTransaction(), {transport()}, &others));
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 6.3: a response that matches no transaction is silently discarded") {
  Session s;
  const Auth auth = s.client.auth();
  for (const uint16_t method : kRequests) {
    for (const auto kind : {stun::Class::kSuccess, stun::Class::kError}) {
      const size_t before = s.client.chain.outer.size();
      s.client.send(form(method, kind, newTransaction(), {lifetime(0)}, &auth));
      CHECK(s.client.chain.outer.size() == before);
    }
  }
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 12: Binding is available to every client, before, with and without an allocation") {
  TurnServer server;
  TurnClient client(server);
  auto bound = [&] {
    const Response response = client.bareRequest(stun::kBinding);
    return response.code() == kSuccess &&
           response.addresses(stun::kXorMappedAddress) == std::vector{*net::Address::parse("192.0.2.1:5000")};
  };
  CHECK(bound());
  client.allocate();
  CHECK(bound());
  client.refresh({lifetime(0)});
  CHECK(bound());
}

}  // namespace
}  // namespace sluice::test
