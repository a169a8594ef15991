// RFC 8489 sections 5 to 7, 12 and 14: what a TURN server owes to STUN's messages.
#include <doctest/doctest.h>

#include <set>

#include "source/crypto/hmac.h"
#include "test/filters/turn_client.h"

namespace sluice::test {
namespace {

constexpr uint16_t kUnknownRequired = 0x7777;
constexpr uint16_t kUnknownOptional = 0xC0DE;
const std::vector<uint16_t> kRequests{stun::kAllocate, stun::kRefresh, stun::kCreatePermission,
                                      stun::kChannelBind};

// What a right request of this method contains.
Attributes contents(uint16_t method) {
  switch (method) {
    case stun::kAllocate:
      return {transport()};
    case stun::kCreatePermission:
      return {peer(kPeer)};
    case stun::kChannelBind:
      return {channel(0x4000), peer(kPeer)};
    default:
      return {};
  }
}

// A client with an allocation, unless the method makes one.
struct Session {
  TurnServer server;
  TurnClient client{server};

  explicit Session(uint16_t method = stun::kRefresh) {
    if (method != stun::kAllocate) client.allocate();
  }
};

TEST_CASE("RFC 8489 5: what breaks the header's rules is no STUN message and stays unanswered") {
  struct Damage {
    std::string name;
    size_t at;
    uint8_t flip;
  };
  for (const Damage& damage : {Damage{"first bit", 0, 0x80}, Damage{"second bit", 0, 0x40},
                               Damage{"magic cookie", 4, 0x01}, Damage{"magic cookie's end", 7, 0x01},
                               Damage{"length no multiple of 4", 3, 0x01},
                               Damage{"length is not the datagram's", 3, 0x04}}) {
    CAPTURE(damage.name);
    Session s;
    auto request = s.client.formed(stun::kRefresh, {lifetime(0)});
    request[damage.at] ^= damage.flip;
    CHECK(s.client.send(request).code() == kSilence);
    CHECK(s.server.network().open_ports() == 1);
  }
}

TEST_CASE("RFC 8489 5: an attribute that runs over the end, or a header alone cut short, is discarded") {
  Session s;
  auto request = s.client.formed(stun::kRefresh, {lifetime(0)});
  request[stun::kHeaderSize + 3] = 0xFF;  // LIFETIME's length
  CHECK(s.client.send(request).code() == kSilence);
  for (const size_t size : {1, 2, 4, 8, 19}) s.client.send(Bytes(request).first(size));
  CHECK(s.client.heard() == "");
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 5: transaction IDs of the server's own indications are random") {
  Session s;
  s.client.permit({kPeer});
  std::set<stun::TransactionId> seen;
  stun::TransactionId ever_set{}, ever_clear{};
  for (int i = 0; i < 64; ++i) {
    s.client.peerSays(kPeer, "data");
    const stun::TransactionId id = stun::parse(s.client.chain.outer.back().data)->id;
    seen.insert(id);
    for (size_t byte = 0; byte < id.size(); ++byte) {
      ever_set[byte] |= id[byte];
      ever_clear[byte] |= static_cast<uint8_t>(~id[byte]);
    }
  }
  CHECK(seen.size() == 64);
  stun::TransactionId all;
  all.fill(0xFF);
  CHECK(ever_set == all);  // each bit is sometimes 1 and sometimes 0
  CHECK(ever_clear == all);
}

TEST_CASE("RFC 8489 6.3: a method that is not supported is silently discarded") {
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
  send(stun::kSend, stun::Class::kRequest, {peer(kPeer), data("x")});
  send(stun::kDataIndication, stun::Class::kRequest, {peer(kPeer), data("x")});
  send(stun::kDataIndication, stun::Class::kIndication, {peer(kPeer), data("x")});
  send(stun::kRefresh, stun::Class::kIndication, {lifetime(0)});
  send(stun::kCreatePermission, stun::Class::kIndication, {peer("203.0.113.6:1")});
  send(stun::kChannelBind, stun::Class::kIndication, {channel(0x4001), peer(kPeer)});
  CHECK(s.server.sent() == "");
  CHECK(s.server.network().open_ports() == 1);
  CHECK(ways(s.server, s.client, "203.0.113.6:1") == "none");
  CHECK(ways(s.server, s.client, 0x4001) == "none");

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

TEST_CASE("RFC 8489 6.3: unknown comprehension-optional attributes MUST be ignored") {
  for (const uint16_t method : kRequests) {
    CAPTURE(method);
    Session s(method);
    Attributes attributes = contents(method);
    attributes.push_back(text(kUnknownOptional, "whatever"));
    CHECK(s.client.request(method, attributes).code() == kSuccess);
  }
  Session s;
  s.client.permit({kPeer});
  s.client.indicate(stun::kSend, {text(kUnknownOptional, "?"), peer(kPeer), data("hi")});
  CHECK(s.server.sent() == kPeer + " hi");
}

TEST_CASE("RFC 8489 6.3: known but unexpected attributes SHOULD be ignored") {
  const Attributes strays{number(stun::kChannelNumber, 0),
                          data("stray"),
                          number(stun::kXorRelayedAddress, 0),
                          number(stun::kXorMappedAddress, 0),
                          number(stun::kMappedAddress, 0),
                          number(stun::kErrorCode, 0x401),
                          number(stun::kUnknownAttributes, 0),
                          number(stun::kAddressErrorCode, 0),
                          number(stun::kIcmp, 0),
                          number(stun::kAlternateServer, 0)};
  for (size_t i = 0; i < strays.size(); ++i) {
    CAPTURE(i);
    Session s(stun::kAllocate);
    s.client.allocate({strays[i]});
    CHECK(s.client.refresh({strays[i]}).code() == kSuccess);
    CHECK(s.client.request(stun::kCreatePermission, {strays[i], peer(kPeer)}).code() == kSuccess);
  }
}

TEST_CASE("RFC 8489 6.3.1: unknown comprehension-required attributes are an error 420 that lists them") {
  for (const uint16_t method : kRequests) {
    CAPTURE(method);
    Session s(method);
    Attributes attributes = contents(method);
    for (const uint16_t type : {0x7777, 0x0099, 0x7FFF}) attributes.push_back(number(type, 0));
    const Answer answer = s.client.request(method, attributes);
    CHECK(answer.code() == 420);
    CHECK(answer.unknownAttributes() == std::vector<uint16_t>{0x7777, 0x0099, 0x7FFF});
    CHECK(answer.protection == "sha256");
    CHECK(s.server.network().open_ports() == (method == stun::kAllocate ? 0 : 1));
    CHECK(ways(s.server, s.client) == "none");
  }
}

TEST_CASE("RFC 8489 6.3.1: a Refresh with an unknown attribute deletes nothing") {
  Session s;
  CHECK(s.client.refresh({lifetime(0), number(kUnknownRequired, 0)}).code() == 420);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 6.3: credentials are checked before unknown attributes") {
  Session s(stun::kAllocate);
  CHECK(s.client.ask(stun::kAllocate, {transport(), number(kUnknownRequired, 0)}).code() == 401);
}

TEST_CASE("RFC 8489 6.3.1.1: the error of an authentic request is protected as well, and gives a reason") {
  Session s;
  TurnClient without(s.server, "192.0.2.2:5000");
  const Answer answers[]{s.client.tryAllocate(),
                         s.client.request(stun::kCreatePermission),
                         s.client.request(stun::kChannelBind),
                         s.client.refresh({family(kIpv6)}),
                         s.client.refresh({number(kUnknownRequired, 0)}),
                         without.refresh(),
                         without.request(stun::kAllocate)};
  for (const Answer& answer : answers) {
    CHECK(answer.code() >= 400);
    CHECK(answer.protection == "sha256");
    CHECK(answer.text(stun::kErrorCode).size() > 4);
  }
}

TEST_CASE("RFC 8489 6.3.2: an indication with an unknown comprehension-required attribute is discarded") {
  Session s;
  s.client.permit({kPeer});
  s.client.indicate(stun::kSend, {peer(kPeer), data("hi"), number(kUnknownRequired, 0)});
  s.client.indicate(stun::kSend, {number(kUnknownRequired, 0), peer(kPeer), data("hi")});
  CHECK(s.server.sent() == "");
}

TEST_CASE("RFC 8489 6.3, 14.7: a wrong FINGERPRINT, or one that is not the last, is silently discarded") {
  Session s;
  Auth auth = s.client.auth();
  auth.behind = {[](stun::Writer& writer) { writer.addFingerprint(); }};
  CHECK(s.client.refresh().code() == kSuccess);
  CHECK(s.client.request(stun::kRefresh, {}, auth).code() == kSuccess);
  auth.behind = {number(stun::kFingerprint, 0x12345678)};
  CHECK(s.client.request(stun::kRefresh, {lifetime(0)}, auth).code() == kSilence);
  auth.behind = {[](stun::Writer& writer) { writer.addFingerprint(); }, number(kUnknownOptional, 0)};
  CHECK(s.client.request(stun::kRefresh, {lifetime(0)}, auth).code() == kSilence);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 9: attributes behind MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 MUST be ignored") {
  for (const bool sha1 : {false, true}) {
    CAPTURE(sha1);
    Session s;
    Auth auth = s.client.auth();
    auth.sha1 = sha1;
    auth.behind = {lifetime(0)};
    const Answer refreshed = s.client.request(stun::kRefresh, {}, auth);
    CHECK(refreshed.code() == kSuccess);
    CHECK(refreshed.number(stun::kLifetime) == 600);
    auth.behind = {number(kUnknownRequired, 0)};
    CHECK(s.client.request(stun::kRefresh, {}, auth).code() == kSuccess);
    auth.behind = {peer(kPeer)};
    CHECK(s.client.request(stun::kCreatePermission, {}, auth).code() == 400);
    CHECK(s.server.network().open_ports() == 1);
  }
}

TEST_CASE("RFC 8489 9: between MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 nothing counts either") {
  Session s;
  Auth auth = s.client.auth();
  auth.sha256 = false;
  auth.sha1 = true;
  auth.behind = {lifetime(0), [&](stun::Writer& writer) {
                   writer.addIntegritySha256(auth.key(), crypto::hmacSha256);
                 }};
  CHECK(s.client.request(stun::kRefresh, {}, auth).number(stun::kLifetime) == 600);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 12: Binding stays open to everyone, before, with and without an allocation") {
  TurnServer server;
  TurnClient client(server);
  auto bound = [&] {
    const Answer answer = client.ask(stun::kBinding);
    return answer.code() == kSuccess && answer.addresses(stun::kXorMappedAddress) ==
                                            std::vector{*net::Address::parse("192.0.2.1:5000")};
  };
  CHECK(bound());
  client.allocate();
  CHECK(bound());
  client.refresh({lifetime(0)});
  CHECK(bound());
}

TEST_CASE("RFC 8489 14: padding MUST be ignored, whatever it holds") {
  Session s;
  const Auth auth = s.client.auth();
  const auto dirty = form(stun::kRefresh, stun::Class::kRequest, newTransaction(),
                          {text(stun::kSoftware, "12345")}, &auth, [](MutableBytes so_far) {
                            for (size_t i = 5; i < 8; ++i) so_far[stun::kHeaderSize + 4 + i] = 0xA5;
                          });
  CHECK(s.client.send(dirty, &auth).code() == kSuccess);
}

TEST_CASE("RFC 8489 14: of an attribute that appears twice the first one counts") {
  Session s;
  const Answer refreshed = s.client.refresh({lifetime(1200), lifetime(0)});
  CHECK(refreshed.number(stun::kLifetime) == 1200);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 14.14: SOFTWARE of up to 763 bytes is read") {
  Session s;
  CHECK(s.client.refresh({text(stun::kSoftware, std::string(763, 's'))}).code() == kSuccess);
}

}  // namespace
}  // namespace sluice::test
