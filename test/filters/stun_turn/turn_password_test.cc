// RFC 8489 sections 9.2.1, 9.2.2, 9.2.4 and 18.5: password algorithms, username anonymity, and the protection
// of both against bid-down attacks.
#include <doctest/doctest.h>

#include "source/crypto/hmac.h"
#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

const std::vector<uint8_t> kBoth{0, 2, 0, 0, 0, 1, 0, 0};  // SHA-256, then MD5, without parameters

struct Session {
  TurnServer server;
  TurnClient client{server};

  Response allocate(const Auth& auth) { return client.request(stun::kAllocate, {transport()}, auth); }
};

// As an RFC 5389 client does.
Auth legacy(Auth auth) {
  auth.algorithms.reset();
  auth.algorithm.reset();
  auth.key_algorithm = kMd5;
  std::swap(auth.sha1, auth.sha256);
  return auth;
}

TEST_CASE("RFC 8489 9.2.4: the server lists its password algorithms, the stronger one first") {
  Session s;
  CHECK(s.client.auth().algorithms == kBoth);
}

TEST_CASE("RFC 8489 9.2.4: a request without PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS uses MD5") {
  Session s;
  const Response response = s.allocate(legacy(s.client.auth()));
  CHECK(response.code() == kSuccess);
  CHECK(response.protection == "sha1");
}

TEST_CASE(
    "RFC 8489 9.2.4: such a request gets MESSAGE-INTEGRITY back even if it had MESSAGE-INTEGRITY-SHA256") {
  Session s;
  Auth auth = legacy(s.client.auth());
  std::swap(auth.sha1, auth.sha256);
  const Response response = s.allocate(auth);
  CHECK(response.code() == kSuccess);
  CHECK(response.protection == "sha1");
}

TEST_CASE(
    "RFC 8489 9.2.4: with PASSWORD-ALGORITHM the response has MESSAGE-INTEGRITY-SHA256, whatever the key") {
  for (const uint16_t algorithm : {kSha256, kMd5}) {
    for (const bool sha1 : {false, true}) {
      CAPTURE(algorithm);
      CAPTURE(sha1);
      Session s;
      Auth auth = s.client.auth();
      auth.algorithm = algorithm;
      auth.key_algorithm = algorithm;
      if (sha1) std::swap(auth.sha1, auth.sha256);
      const Response response = s.allocate(auth);
      CHECK(response.code() == kSuccess);
      CHECK(response.protection == "sha256");
    }
  }
}

TEST_CASE("RFC 8489 9.2.4: the key uses the algorithm that the request names, and no other") {
  Session s;
  Auth auth = s.client.auth();
  auth.key_algorithm = kMd5;
  CHECK(s.allocate(auth).code() == 401);
  auth.algorithm = kMd5;
  auth.key_algorithm = kSha256;
  CHECK(s.allocate(auth).code() == 401);
}

TEST_CASE(
    "RFC 8489 9.2.4: one of the two attributes alone, or a list other than the server's, is an error 400") {
  struct Wrong {
    std::string name;
    std::optional<std::vector<uint8_t>> algorithms;
    std::optional<uint16_t> algorithm;
  };
  const Wrong table[]{
      {"no list", std::nullopt, kSha256},
      {"no choice", kBoth, std::nullopt},
      {"the list without its best", std::vector<uint8_t>{0, 1, 0, 0}, kMd5},
      {"the list without its last", std::vector<uint8_t>{0, 2, 0, 0}, kSha256},
      {"the list in another order", std::vector<uint8_t>{0, 1, 0, 0, 0, 2, 0, 0}, kSha256},
      {"a longer list", std::vector<uint8_t>{0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0}, kSha256},
      {"an empty list", std::vector<uint8_t>{}, kSha256},
      {"a choice that is not listed", kBoth, 3},
      {"a reserved choice", kBoth, 0},
  };
  for (const Wrong& wrong : table) {
    CAPTURE(wrong.name);
    Session s;
    Auth auth = s.client.auth();
    auth.algorithms = wrong.algorithms;
    auth.algorithm = wrong.algorithm;
    if (wrong.algorithm == kMd5) auth.key_algorithm = kMd5;
    CHECK(s.allocate(auth).code() == 400);
    CHECK(s.server.network().open_ports() == 0);
  }
}

TEST_CASE("RFC 8489 9.2.4: the algorithms are checked before the name and the integrity") {
  Session s;
  Auth auth = s.client.auth();
  auth.algorithms.reset();
  auth.username = "mallory";
  CHECK(s.allocate(auth).code() == 400);
}

TEST_CASE("RFC 8489 9.2.1: a nonce whose security features were removed in transit is not accepted") {
  for (const std::string features : {"AAAA", "QAAA", "gAAA"}) {
    CAPTURE(features);
    Session s;
    Auth auth = s.client.auth();
    auth.nonce->replace(9, 4, features);
    if (features != "gAAA") auth = legacy(auth);  // the client assumes that there is no list
    CHECK(s.allocate(auth).code() == 438);
    CHECK(s.server.network().open_ports() == 0);
  }
}

TEST_CASE(
    "RFC 8489 9.2.1: with a realm too long for the list no client is offered the list, and everything else "
    "works") {
  TurnServer server;
  const std::string realm = "turn.long.example.org";
  server.config.replace(server.config.find(kRealm), kRealm.size(), realm);
  TurnClient client(server);
  Auth auth = client.auth();
  CHECK_FALSE(auth.algorithms);
  auth.key_realm = realm;
  CHECK(client.request(stun::kAllocate, {transport()}, auth).protection == "sha1");
  Auth better = auth;  // not offered: the choice is ignored, and the key is of MD5
  better.algorithms = kBoth;
  better.algorithm = kSha256;
  better.key_algorithm = kSha256;
  CHECK(client.request(stun::kRefresh, {}, better).code() == 401);
}

TEST_CASE("RFC 8489 14.4: USERHASH replaces USERNAME, in every request") {
  Session s;
  const Auth hidden = s.client.anonymousAuth();
  const Response response = s.allocate(hidden);
  CHECK(response.code() == kSuccess);
  CHECK(response.protection == "sha256");
  CHECK(s.client.request(stun::kRefresh, {}, hidden).code() == kSuccess);
  CHECK(s.client.request(stun::kCreatePermission, {peer(kPeer)}, hidden).code() == kSuccess);
  CHECK(s.client.request(stun::kChannelBind, {channel(0x4000), peer(kPeer)}, hidden).code() == kSuccess);
}

TEST_CASE("RFC 8489 14.4: a USERHASH that is not 32 bytes long matches no user") {
  Session s;
  Auth auth = s.client.anonymousAuth();
  for (const size_t size : {0, 4, 31, 36, 64}) {
    auth.userhash->resize(size);
    const int code = s.allocate(auth).code();
    CHECK((code == 400 || code == 401));
  }
}

TEST_CASE("RFC 8489 9.2.4: a server that cannot list all usernames does not offer anonymity") {
  TurnServer server;
  server.shared_secrets = {"a shared secret"};
  TurnClient client(server);
  const Response challenge = client.bareRequest(stun::kAllocate, {transport(), kClientSoftware});
  CHECK(challenge.securityFeatures() == 0x800000);
  client.allocate();
}

TEST_CASE("RFC 8489 14.6: TURN does not allow a truncated MESSAGE-INTEGRITY-SHA256") {
  for (const uint16_t size : {16, 20, 28}) {
    CAPTURE(size);
    Session s;
    Auth auth = s.client.auth();
    auth.sha256 = false;
    auto request = form(stun::kAllocate, stun::Class::kRequest, newTransaction(), {transport()}, &auth);
    writeU16(&request[2], static_cast<uint16_t>(request.size() - stun::kHeaderSize + 4 + size));
    uint8_t hmac[32];
    crypto::hmacSha256(auth.key(), request, hmac);
    request.insert(request.end(), {0x00, 0x1C, 0x00, static_cast<uint8_t>(size)});
    request.insert(request.end(), hmac, hmac + size);
    CHECK(s.client.send(request, &auth).code() != kSuccess);
    CHECK(s.server.network().open_ports() == 0);
  }
}

TEST_CASE("RFC 8489 14.5: MESSAGE-INTEGRITY after MESSAGE-INTEGRITY-SHA256 is ignored") {
  Session s;
  Auth auth = s.client.auth();
  auth.behind = {
      [](stun::Writer& writer) { writer.addIntegrity(std::vector<uint8_t>(16, 7), crypto::hmacSha1); }};
  CHECK(s.allocate(auth).code() == kSuccess);
}

}  // namespace
}  // namespace sluice::test
