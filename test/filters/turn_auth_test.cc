// RFC 8489 section 9.2: the long-term credential mechanism, check by check as section 9.2.4 orders them.
#include <doctest/doctest.h>

#include <set>

#include "source/crypto/hmac.h"
#include "test/filters/turn_client.h"

namespace sluice::test {
namespace {

constexpr uint16_t kLongName = 763;  // octets that section 14.3 wants read

// A request that is long enough for a whole challenge.
const Attribute kSoftware = text(stun::kSoftware, "A test's client, version 1");

// Of a 401 or 438, by sections 9.2.4 and 9.2.1: what must be there, what should not, and that they agree.
void checkChallenge(const Answer& answer, bool list_is_a_must) {
  CHECK(answer.text(stun::kRealm) == kRealm);
  CHECK(answer.has(stun::kNonce));
  CHECK_FALSE(answer.has(stun::kUsername));
  CHECK_FALSE(answer.has(stun::kUserhash));
  const auto features = answer.securityFeatures();
  REQUIRE(features);
  const bool list_bit = (*features & 0x800000) != 0;
  CHECK(answer.has(stun::kPasswordAlgorithms) == list_bit);
  if (list_is_a_must) CHECK(list_bit);
}

TEST_CASE("RFC 8489 9.2.4: a request without integrity is an error 401 with REALM and NONCE") {
  for (const bool allocated : {false, true}) {
    TurnServer server;
    TurnClient client(server);
    if (allocated) client.allocate();
    for (const uint16_t method : {stun::kAllocate, stun::kRefresh, stun::kCreatePermission, stun::kChannelBind}) {
      CAPTURE(method);
      CAPTURE(allocated);
      const Answer answer = client.ask(method, {transport(), kSoftware});
      CHECK(answer.code() == 401);
      checkChallenge(answer, false);
      CHECK(answer.protection == "none");
    }
  }
}

TEST_CASE("RFC 8489 9.2.4: credentials without integrity prove nothing") {
  TurnServer server;
  TurnClient client(server);
  Auth auth = client.auth();
  auth.sha256 = false;
  CHECK(client.request(stun::kAllocate, {transport()}, auth).code() == 401);
  CHECK(server.network().open_ports() == 0);
}

TEST_CASE("RFC 8489 9.2, 18.1: the nonce begins with the cookie and tells of algorithms and anonymity") {
  TurnServer server;
  TurnClient client(server);
  const Answer answer = client.ask(stun::kAllocate, {transport(), kSoftware});
  CHECK(answer.text(stun::kNonce).starts_with("obMatJos2wAAA"));
}

TEST_CASE("RFC 8489 9.2: a challenge that is too short for features tells of none") {
  TurnServer server;
  TurnClient client(server);
  const Answer answer = client.ask(stun::kAllocate, {transport()});
  CHECK(answer.code() == 401);
  CHECK(answer.securityFeatures().value_or(0) == 0);  // without a cookie it is a challenge of RFC 5389
  CHECK_FALSE(answer.has(stun::kPasswordAlgorithms));
}

TEST_CASE("RFC 8489 9.2.4: the shortest Allocate request there is gets its challenge, in the longest realm") {
  TurnServer server;
  const std::string longest(32, 'r');
  server.config.replace(server.config.find(kRealm), kRealm.size(), longest);
  TurnClient client(server);
  const Answer answer = client.ask(stun::kAllocate, {transport()});
  CHECK(answer.code() == 401);
  CHECK(answer.text(stun::kRealm) == longest);
  CHECK(answer.has(stun::kNonce));
}

TEST_CASE("RFC 8489 9.2.4: no two source addresses get the same nonce") {
  TurnServer server;
  std::set<std::string> nonces;
  for (const char* from : {"192.0.2.1:5000", "192.0.2.1:5001", "192.0.2.2:5000", "[2001:db8:1::1]:5000",
                           "[2001:db8:1::2]:5000"}) {
    TurnClient client(server, from);
    nonces.insert(client.ask(stun::kAllocate, {kSoftware}).text(stun::kNonce));
    nonces.insert(client.ask(stun::kAllocate, {transport()}).text(stun::kNonce));
  }
  CHECK(nonces.size() == 10);
}

TEST_CASE("RFC 8489 9.2.4: integrity without username, realm or nonce is an error 400 that tells nothing") {
  for (const bool sha1 : {false, true}) {
    for (const int missing : {0, 1, 2}) {
      CAPTURE(sha1);
      CAPTURE(missing);
      TurnServer server;
      TurnClient client(server);
      Auth auth = client.auth();
      if (sha1) std::swap(auth.sha1, auth.sha256);
      if (missing == 0) auth.username.reset();
      if (missing == 1) auth.realm.reset();
      if (missing == 2) auth.nonce.reset();
      const Answer answer = client.request(stun::kAllocate, {transport()}, auth);
      CHECK(answer.code() == 400);
      for (const uint16_t type : {stun::kUsername, stun::kUserhash, stun::kNonce, stun::kRealm})
        CHECK_FALSE(answer.has(type));
      CHECK(answer.protection == "none");
    }
  }
}

TEST_CASE("RFC 8489 9.2.4: an unknown USERNAME or USERHASH is an error 401 with a whole challenge") {
  TurnServer server;
  TurnClient client(server);
  Auth named = client.auth();
  named.user = "mallory";
  named.username = "mallory";
  Auth hashed = client.anonymousAuth();
  hashed.userhash = userhash("mallory", kRealm);
  Auth other_realm = client.anonymousAuth();
  other_realm.userhash = userhash("alice", "example.com");
  Auth empty = client.auth();
  empty.username = "";
  for (const Auth& auth : {named, hashed, other_realm, empty}) {
    const Answer answer = client.request(stun::kAllocate, {transport()}, auth);
    CHECK(answer.code() == 401);
    checkChallenge(answer, true);
  }
}

TEST_CASE("RFC 8489 9.2.4: integrity that does not match is an error 401, of both kinds") {
  for (const bool sha1 : {false, true}) {
    for (const char* password : {"wrong", "", "password2"}) {
      TurnServer server;
      TurnClient client(server);
      Auth auth = client.auth();
      if (sha1) std::swap(auth.sha1, auth.sha256);
      auth.password = password;
      const Answer answer = client.request(stun::kAllocate, {transport()}, auth);
      CHECK(answer.code() == 401);
      checkChallenge(answer, true);
      CHECK(answer.protection == "none");
      CHECK(server.network().open_ports() == 0);
    }
  }
}

TEST_CASE("RFC 8489 9.2.4: a request that was changed on the way is an error 401") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  auto request = client.formed(stun::kRefresh, {lifetime(0x00000100)});
  request[stun::kHeaderSize + 4 + 2] = 0;  // LIFETIME becomes 0
  CHECK(client.send(request).code() == 401);
  CHECK(server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 9.2.4: credentials of another realm are an error 401 that names ours") {
  TurnServer server;
  TurnClient client(server);
  Auth auth = client.auth();
  auth.realm = "example.com";
  auth.key_realm = "example.com";
  const Answer answer = client.request(stun::kAllocate, {transport()}, auth);
  CHECK(answer.code() == 401);
  CHECK(answer.text(stun::kRealm) == kRealm);
}

TEST_CASE("RFC 8489 9.2.4: MESSAGE-INTEGRITY-SHA256 decides where both are there") {
  TurnServer server;
  TurnClient client(server);
  const Auth auth = client.auth();
  auto both = [&](bool sha1_right, bool sha256_right) {
    Auth mixed = auth;
    mixed.sha1 = mixed.sha256 = false;
    auto key = [&](bool right) { return right ? auth.key() : std::vector<uint8_t>(32, 1); };
    auto request = form(stun::kRefresh, stun::Class::kRequest, newTransaction(), {}, &mixed);
    std::vector<uint8_t> out(stun::kMaxMessage);
    stun::Writer writer(out, stun::kRefresh, stun::Class::kRequest, newTransaction());
    stun::walk(request, [&](uint16_t type, Bytes value, size_t) {
      writer.add(type, value);
      return true;
    });
    writer.addIntegrity(key(sha1_right), crypto::hmacSha1);
    writer.addIntegritySha256(key(sha256_right), crypto::hmacSha256);
    out.resize(writer.finish().value());
    return client.send(out, &auth).code();
  };
  client.allocate();
  CHECK(both(true, true) == kSuccess);
  CHECK(both(false, true) == kSuccess);
  CHECK(both(true, false) == 401);
}

TEST_CASE("RFC 8489 9.2.4: a nonce is stale after its lifetime; the error 438 brings a valid one") {
  TurnServer server("nonce_lifetime_s: 300 ");
  TurnClient client(server);
  client.allocate();
  server.advance(295s);
  CHECK(client.refresh().code() == kSuccess);
  server.advance(310s);
  for (const uint16_t method : {stun::kRefresh, stun::kCreatePermission, stun::kChannelBind}) {
    const Answer stale = client.request(method, {channel(0x4000), peer(kPeer)}, client.auth());
    CHECK(stale.code() == 438);
    checkChallenge(stale, true);
    CHECK(stale.text(stun::kNonce) != client.auth().nonce);
  }
  CHECK(client.refresh().code() == kSuccess);  // with the new one
}

TEST_CASE("RFC 8656 5: by default a nonce ends within an hour, however busy the client is") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  bool stale = false;
  for (int minute = 0; minute < 61 && !stale; ++minute) {
    server.advance(1min);
    stale = client.request(stun::kRefresh, {lifetime(3600)}, client.auth()).code() == 438;
  }
  CHECK(stale);
}

TEST_CASE("RFC 8656 5: each first attempt to allocate gets a new random nonce") {
  TurnServer server;
  TurnClient client(server);
  std::set<std::string> nonces;
  for (int i = 0; i < 20; ++i)
    nonces.insert(client.ask(stun::kAllocate, {transport(), kSoftware}).text(stun::kNonce));
  CHECK(nonces.size() == 20);
}

TEST_CASE("RFC 8489 9.2.4: a nonce of another source address, or none of ours, is an error 438") {
  TurnServer server;
  TurnClient other(server, "192.0.2.1:5001");
  const std::string others = *other.auth().nonce;
  TurnClient client(server);
  const std::string ours = *client.auth().nonce;
  std::string altered = ours;
  altered.back() = altered.back() == 'A' ? 'B' : 'A';
  for (const std::string& nonce : {others, altered, ours + "x", ours.substr(0, ours.size() - 1),
                                   std::string("obMatJos2"), std::string("f//499k954d6OL34oL9FSTvy64sA"),
                                   std::string(), std::string(763, 'n')}) {
    CAPTURE(nonce);
    Auth auth = client.auth();
    auth.nonce = nonce;
    const bool list_bit = nonce == others || nonce == altered || nonce.starts_with(ours.substr(0, 13));
    if (!list_bit) {  // as a client would that was given this nonce
      auth.algorithms.reset();
      auth.algorithm.reset();
      auth.key_algorithm = kMd5;
    }
    const Answer answer = client.request(stun::kAllocate, {transport()}, auth);
    CHECK(answer.code() == 438);
    checkChallenge(answer, true);
  }
  CHECK(server.network().open_ports() == 0);
}

TEST_CASE("RFC 8489 9.2.4: the checks come in their order: 400 before 401 before 438") {
  TurnServer server("nonce_lifetime_s: 300 ");
  TurnClient client(server);
  Auth auth = client.auth();
  server.advance(310s);
  auth.password = "wrong";
  CHECK(client.request(stun::kAllocate, {transport()}, auth).code() == 401);
  auth.username = "mallory";
  CHECK(client.request(stun::kAllocate, {transport()}, auth).code() == 401);
  auth.realm.reset();
  CHECK(client.request(stun::kAllocate, {transport()}, auth).code() == 400);
}

TEST_CASE("RFC 8489 9.2.4: an answer repeats neither realm, nonce nor name once the request is authentic") {
  TurnServer server;
  TurnClient client(server);
  for (const Answer& answer : {client.allocate(), client.refresh(), client.permit({kPeer}),
                               client.bind(0x4000, kPeer), client.tryAllocate(), client.permit({})}) {
    CHECK(answer.protection == "sha256");
    for (const uint16_t type : {stun::kUsername, stun::kUserhash, stun::kNonce, stun::kRealm})
      CHECK_FALSE(answer.has(type));
  }
}

TEST_CASE("RFC 8489 14.3: a USERNAME of 763 octets is read") {
  TurnServer server;
  const User user{std::string(kLongName, 'u'), "password"};
  server.users[user.name] = user.password;
  TurnClient client(server, "192.0.2.1:5000", user);
  client.allocate();
  TurnClient unknown(server, "192.0.2.2:5000", {std::string(kLongName, 'x'), "password"});
  CHECK(unknown.tryAllocate().code() == 401);
}

TEST_CASE("RFC 8489 14.9: a REALM of 763 octets is read") {
  TurnServer server;
  TurnClient client(server);
  Auth auth = client.auth();
  auth.realm = std::string(763, 'r');
  auth.key_realm = *auth.realm;
  CHECK(client.request(stun::kAllocate, {transport()}, auth).code() == 401);
}

TEST_CASE("answers to who has not proven himself stay under three times the request") {
  TurnServer server;
  for (const char* from : {"192.0.2.1:5000", "[2001:db8:1::1]:5000"}) {
    TurnClient client(server, from);
    const Auth right = client.auth();
    Auth no_name = right, unknown = right, wrong = right, half = right;
    no_name.username.reset();
    unknown.username = "m";
    wrong.password = "wrong";
    half.algorithms.reset();
    for (const uint16_t method : {stun::kBinding, stun::kAllocate, stun::kRefresh, stun::kCreatePermission,
                                  stun::kChannelBind}) {
      for (const Auth* auth : {static_cast<const Auth*>(nullptr), static_cast<const Auth*>(&no_name),
                               static_cast<const Auth*>(&unknown), static_cast<const Auth*>(&wrong),
                               static_cast<const Auth*>(&half)}) {
        for (const Attributes& attributes : {Attributes{}, {transport()}, {number(0x7777, 0)}, {kSoftware}}) {
          const auto request =
              form(method, stun::Class::kRequest, newTransaction(), attributes, auth);
          const size_t answered = client.send(request, auth).bytes.size();
          CHECK(answered < 3 * request.size());
          if (request.size() > stun::kHeaderSize) CHECK(answered > 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sluice::test
