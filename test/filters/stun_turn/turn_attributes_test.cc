// RFC 8489 sections 6.3, 9 and 14: attributes that are unknown, unexpected, repeated, or in the wrong
// position.
#include <doctest/doctest.h>

#include "source/crypto/hmac.h"
#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

constexpr uint16_t kUnknownRequired = 0x7777;
constexpr uint16_t kUnknownOptional = 0xC0DE;
const std::vector<uint16_t> kRequests{stun::kAllocate, stun::kRefresh, stun::kCreatePermission,
                                      stun::kChannelBind};

// The attributes of a correct request with this method.
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

// A client with an allocation, unless the method creates one.
struct Session {
  TurnServer server;
  TurnClient client{server};

  explicit Session(uint16_t method = stun::kRefresh) {
    if (method != stun::kAllocate) client.allocate();
  }
};

TEST_CASE("RFC 8489 18.3, RFC 8656 18: the code points are those of IANA") {
  CHECK(stun::kUsername == 0x0006);
  CHECK(stun::kMessageIntegrity == 0x0008);
  CHECK(stun::kErrorCode == 0x0009);
  CHECK(stun::kUnknownAttributes == 0x000A);
  CHECK(stun::kChannelNumber == 0x000C);
  CHECK(stun::kLifetime == 0x000D);
  CHECK(stun::kXorPeerAddress == 0x0012);
  CHECK(stun::kData == 0x0013);
  CHECK(stun::kRealm == 0x0014);
  CHECK(stun::kNonce == 0x0015);
  CHECK(stun::kXorRelayedAddress == 0x0016);
  CHECK(stun::kRequestedAddressFamily == 0x0017);
  CHECK(stun::kEvenPort == 0x0018);
  CHECK(stun::kRequestedTransport == 0x0019);
  CHECK(stun::kDontFragment == 0x001A);
  CHECK(stun::kMessageIntegritySha256 == 0x001C);
  CHECK(stun::kPasswordAlgorithm == 0x001D);
  CHECK(stun::kUserhash == 0x001E);
  CHECK(stun::kXorMappedAddress == 0x0020);
  CHECK(stun::kReservationToken == 0x0022);
  CHECK(stun::kAdditionalAddressFamily == 0x8000);
  CHECK(stun::kAddressErrorCode == 0x8001);
  CHECK(stun::kPasswordAlgorithms == 0x8002);
  CHECK(stun::kIcmp == 0x8004);
  CHECK(stun::kSoftware == 0x8022);
  CHECK(stun::kAlternateServer == 0x8023);
  CHECK(stun::kFingerprint == 0x8028);
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
  s.client.indicate(stun::kSend, {text(kUnknownOptional, "?"), peer(kPeer), payload("hi")});
  CHECK(s.server.sent() == kPeer + " hi");
}

TEST_CASE("RFC 8489 6.3: known but unexpected attributes SHOULD be ignored") {
  const Attributes strays{number(stun::kChannelNumber, 0),
                          payload("stray"),
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
    const Response response = s.client.request(method, attributes);
    CHECK(response.code() == 420);
    CHECK(response.unknownAttributes() == std::vector<uint16_t>{0x7777, 0x0099, 0x7FFF});
    CHECK(response.protection == "sha256");
    CHECK(s.server.network().open_ports() == (method == stun::kAllocate ? 0 : 1));
    CHECK(flows(s.server, s.client) == "none");
  }
}

TEST_CASE("RFC 8489 6.3.1, 14.8: error 420 lists all of them, however many there are") {
  Session s;
  Attributes attributes;
  std::vector<uint16_t> types;
  for (uint16_t type = 0x7000; type < 0x7000 + 20; ++type) {
    types.push_back(type);
    attributes.push_back(flag(type));
  }
  CHECK(s.client.refresh(attributes).unknownAttributes() == types);
}

TEST_CASE("RFC 8489 6.3.1: a Refresh with an unknown attribute deletes nothing") {
  Session s;
  CHECK(s.client.refresh({lifetime(0), number(kUnknownRequired, 0)}).code() == 420);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 6.3: credentials are checked before unknown attributes") {
  Session s(stun::kAllocate);
  CHECK(s.client.bareRequest(stun::kAllocate, {transport(), number(kUnknownRequired, 0)}).code() == 401);
}

TEST_CASE(
    "RFC 8489 6.3.1.1: the error response to an authentic request is protected too, and gives a reason") {
  Session s;
  TurnClient without(s.server, "192.0.2.2:5000");
  const Response responses[]{s.client.tryAllocate(),
                             s.client.request(stun::kCreatePermission),
                             s.client.request(stun::kChannelBind),
                             s.client.refresh({family(kIpv6)}),
                             s.client.refresh({number(kUnknownRequired, 0)}),
                             without.refresh(),
                             without.request(stun::kAllocate)};
  for (const Response& response : responses) {
    CHECK(response.code() >= 400);
    CHECK(response.protection == "sha256");
    CHECK(response.text(stun::kErrorCode).size() > 4);
  }
}

TEST_CASE("RFC 8489 6.3.2: an indication with an unknown comprehension-required attribute is discarded") {
  Session s;
  s.client.permit({kPeer});
  s.client.indicate(stun::kSend, {peer(kPeer), payload("hi"), number(kUnknownRequired, 0)});
  s.client.indicate(stun::kSend, {number(kUnknownRequired, 0), peer(kPeer), payload("hi")});
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

TEST_CASE("RFC 8489 9: attributes after MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 MUST be ignored") {
  for (const bool sha1 : {false, true}) {
    CAPTURE(sha1);
    Session s;
    Auth auth = s.client.auth();
    auth.sha1 = sha1;
    auth.behind = {lifetime(0)};
    const Response refreshed = s.client.request(stun::kRefresh, {}, auth);
    CHECK(refreshed.code() == kSuccess);
    CHECK(refreshed.number(stun::kLifetime) == 600);
    auth.behind = {number(kUnknownRequired, 0)};
    CHECK(s.client.request(stun::kRefresh, {}, auth).code() == kSuccess);
    auth.behind = {peer(kPeer)};
    CHECK(s.client.request(stun::kCreatePermission, {}, auth).code() == 400);
    CHECK(s.server.network().open_ports() == 1);
  }
}

TEST_CASE("RFC 8489 9: attributes between MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 are ignored too") {
  Session s;
  Auth auth = s.client.auth();
  auth.sha256 = false;
  auth.sha1 = true;
  auth.behind = {lifetime(0),
                 [&](stun::Writer& writer) { writer.addIntegritySha256(auth.key(), crypto::hmacSha256); }};
  CHECK(s.client.request(stun::kRefresh, {}, auth).number(stun::kLifetime) == 600);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 14: padding MUST be ignored, whatever its content") {
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
  const Response refreshed = s.client.refresh({lifetime(1200), lifetime(0)});
  CHECK(refreshed.number(stun::kLifetime) == 1200);
  CHECK(s.server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 14.14: SOFTWARE of up to 763 bytes is read") {
  Session s;
  CHECK(s.client.refresh({text(stun::kSoftware, std::string(763, 's'))}).code() == kSuccess);
}

}  // namespace
}  // namespace sluice::test
