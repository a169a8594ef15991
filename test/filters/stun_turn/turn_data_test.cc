// RFC 8656 sections 11.2, 11.3, 12.4 to 12.7: data between client and peers.
#include <doctest/doctest.h>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

constexpr uint16_t kChannel = 0x4000;
const std::string kOnChannel = "203.0.113.6:7000";

// An allocation with a permission for one peer and a channel to another.
struct Session {
  TurnServer server;
  TurnClient client{server};

  Session() {
    client.allocate();
    client.permit({kPeer});
    client.bind(kChannel, kOnChannel);
  }
  void sendRaw(Bytes datagram) { client.send(datagram); }
};

TEST_CASE("RFC 8656 11.2: a Send indication becomes a datagram from the relayed address to the peer") {
  Session s;
  for (const size_t size : {1, 2, 3, 4, 5, 100, 1200}) {
    CAPTURE(size);
    const std::string payload(size, 'p');
    s.client.sendIndication(kPeer, payload);
    CHECK(s.server.sent() == kPeer + " " + payload);
    CHECK(s.server.network().sent.back().from == s.client.relay());
  }
  CHECK(s.client.received() == "");
}

TEST_CASE("RFC 8656 11.2: DATA of zero bytes is a datagram of zero bytes") {
  Session s;
  s.client.sendIndication(kPeer, "");
  CHECK(s.server.sent() == kPeer + " ");
}

TEST_CASE("RFC 8656 11.2: a Send indication without a valid peer or without DATA is discarded") {
  Session s;
  const auto address = [](std::vector<uint8_t> value) {
    return bytes(stun::kXorPeerAddress, std::move(value));
  };
  for (const Attributes& attributes : {Attributes{},
                                       {peer(kPeer)},
                                       {payload("x")},
                                       {payload("x"), address({})},
                                       {payload("x"), address({0, 1, 0x3A, 0x4A, 1, 2, 3})},
                                       {payload("x"), address({0, 3, 0x3A, 0x4A, 1, 2, 3, 4})},
                                       {payload("x"), address({0, 2, 0x3A, 0x4A, 1, 2, 3, 4})}})
    s.client.indicate(stun::kSend, attributes);
  CHECK(s.server.sent() == "");
}

TEST_CASE("RFC 8656 11.2: a Send indication to a peer without a permission is discarded") {
  Session s;
  s.client.sendIndication("203.0.113.7:7000", "x");
  s.client.sendIndication("[2a01:4f8::5]:7000", "x");
  s.client.sendIndication("[::ffff:203.0.113.5]:7000", "x");
  CHECK(s.server.sent() == "");
}

TEST_CASE("RFC 8656 11.2: a Send indication may go to a peer that has a channel") {
  Session s;
  s.client.sendIndication(kOnChannel, "x");
  CHECK(s.server.sent() == kOnChannel + " x");
}

TEST_CASE("RFC 8656 11.2, 14: Send indications follow DONT-FRAGMENT, one by one") {
  Session s;
  s.client.indicate(stun::kSend, {peer(kPeer), payload("x"), flag(stun::kDontFragment)});
  s.client.sendIndication(kPeer, "x");
  s.client.sendOnChannel(kChannel, "x");
  s.client.indicate(stun::kSend, {flag(stun::kDontFragment), peer(kPeer), payload("x")});
  std::vector<bool> bits;
  for (const SentDatagram& sent : s.server.network().sent) bits.push_back(sent.dont_fragment);
  CHECK(bits == std::vector<bool>{true, false, false, true});
}

TEST_CASE("RFC 8656 11.3: a permitted peer's datagram becomes a Data indication with its address and data") {
  Session s;
  for (const size_t size : {0, 1, 2, 3, 4, 5, 100, 1200}) {
    CAPTURE(size);
    const std::string payload(size, 'p');
    CHECK(s.client.peerSends("203.0.113.5:12345", payload));
    CHECK(s.client.received() == "203.0.113.5:12345 " + payload);
    const auto message = stun::parse(s.client.chain.outer.back().data);
    REQUIRE(message);
    CHECK(message->kind == stun::Class::kIndication);
    CHECK(message->has(stun::kXorPeerAddress));
    CHECK(message->has(stun::kData));
    checkForm(s.client.chain.outer.back().data);
  }
  CHECK(s.server.sent() == "");
}

TEST_CASE("RFC 8656 11.3: the datagram of an IPv6 peer carries its address") {
  TurnServer server(kBothFamilies);
  TurnClient client(server);
  client.allocate({family(kIpv6)});
  client.permit({"[2a01:4f8::5]:0"});
  client.peerSends("[2a01:4f8::5]:7000", "hello");
  CHECK(client.received() == "[2a01:4f8::5]:7000 hello");
}

TEST_CASE("RFC 8656 11.3: the datagram of a peer without a permission is discarded") {
  Session s;
  CHECK(s.client.peerSends("203.0.113.7:7000", "x"));
  CHECK(s.client.received() == "");
  CHECK(s.server.worker.pool().unaccounted() == 0);
}

TEST_CASE("RFC 8656 12.5: data from a peer with a channel MUST be a ChannelData message") {
  Session s;
  for (const size_t size : {0, 1, 2, 3, 4, 5, 100, 1400}) {
    CAPTURE(size);
    const std::string payload(size, 'c');
    s.client.peerSends(kOnChannel, payload);
    CHECK(s.client.received() == "0x4000 " + payload);
  }
  s.client.peerSends("203.0.113.6:7001", "another port");
  CHECK(s.client.received() == "203.0.113.6:7001 another port");
}

TEST_CASE("RFC 8656 12.5: data uses the channel also if the channel was bound after the first data") {
  Session s;
  s.client.peerSends(kPeer, "before");
  s.client.bind(0x4001, kPeer);
  s.client.peerSends(kPeer, "after");
  CHECK(s.client.received() == kPeer + " before, 0x4001 after");
}

TEST_CASE("RFC 8656 12.6: a ChannelData message becomes a datagram from the relayed address to the peer") {
  Session s;
  for (const size_t size : {0, 1, 2, 3, 4, 5, 100, 1400}) {
    CAPTURE(size);
    const std::string payload(size, 'c');
    s.client.sendOnChannel(kChannel, payload);
    CHECK(s.server.sent() == kOnChannel + " " + payload);
    CHECK(s.server.network().sent.back().from == s.client.relay());
  }
}

TEST_CASE("RFC 8656 12.5, 12.6: padding is not data") {
  Session s;
  s.client.sendOnChannel(kChannel, std::string("abc\0", 4), 3);
  CHECK(s.server.sent() == kOnChannel + " abc");
  s.client.sendOnChannel(kChannel, std::string("\0\0\0\0", 4), 0);
  CHECK(s.server.sent() == kOnChannel + " ");
}

TEST_CASE("RFC 8656 12.6: a ChannelData message that claims more data than it has is silently discarded") {
  Session s;
  s.client.sendOnChannel(kChannel, "abc", 4);
  s.client.sendOnChannel(kChannel, "", 1);
  s.client.sendOnChannel(kChannel, "abc", 0xFFFF);
  for (const std::vector<uint8_t>& cut : {std::vector<uint8_t>{0x40}, {0x40, 0x00}, {0x40, 0x00, 0x00}})
    s.sendRaw(cut);
  CHECK(s.server.sent() == "");
  CHECK(s.client.received() == "");
  CHECK(s.server.worker.pool().unaccounted() == 0);
}

TEST_CASE("RFC 8656 12.6: a channel that is not bound or reserved is silently discarded") {
  Session s;
  for (const uint16_t number : {0x4001, 0x4FFF, 0x5000, 0x6000, 0x7FFF, 0xC000, 0xFFFF})
    s.client.sendOnChannel(number, "abc");
  CHECK(s.server.sent() == "");
  CHECK(s.client.received() == "");
}

TEST_CASE("RFC 8656 12: datagrams with an unassigned first byte are not relayed and get no response") {
  Session s;
  for (const int first : {4, 10, 15, 80, 100, 127, 192, 223, 255}) {
    std::vector<uint8_t> datagram(24, 0);
    datagram[0] = static_cast<uint8_t>(first);
    s.sendRaw(datagram);
  }
  CHECK(s.server.sent() == "");
  CHECK(s.client.received() == "");
  CHECK(s.server.worker.pool().unaccounted() == 0);
}

TEST_CASE("RFC 8656 11, 12: no message of a client or a peer leaves the chain inward") {
  Session s;
  s.client.sendIndication(kPeer, "x");
  s.client.sendOnChannel(kChannel, "x");
  s.client.peerSends(kPeer, "x");
  s.client.peerSends(kOnChannel, "x");
  CHECK(s.client.chain.inner.empty());
  CHECK(s.server.worker.pool().unaccounted() == 0);
}

TEST_CASE("RFC 8656 6: two clients of one server reach each other through their relays") {
  Session s;
  TurnClient other(s.server, "192.0.2.2:5000", kBob);
  other.allocate();
  other.permit({s.client.relay().toString()});
  s.client.bind(0x4001, other.relay().toString());
  s.client.sendOnChannel(0x4001, "hello");
  s.server.worker.hairpin().deliver();
  for (const SentDatagram& sent : s.server.network().sent)
    s.server.network().deliver(sent.from, sent.to, sent.data);
  CHECK(other.received() == s.client.relay().toString() + " hello");
  other.sendIndication(s.client.relay().toString(), "hello yourself");
  const size_t before = s.server.network().sent.size();
  s.server.worker.hairpin().deliver();
  for (size_t i = before - std::min<size_t>(before, 1); i < s.server.network().sent.size(); ++i) {
    const SentDatagram sent = s.server.network().sent[i];
    if (sent.from == other.relay()) s.server.network().deliver(sent.from, sent.to, sent.data);
  }
  CHECK(s.client.received() == "0x4001 hello yourself");
}

}  // namespace
}  // namespace sluice::test
