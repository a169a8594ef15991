// RFC 8489 section 9.2: the long-term credential mechanism, check by check in the order of section 9.2.4.
#include <doctest/doctest.h>

#include "source/crypto/hmac.h"
#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

constexpr uint16_t kLongName = 763;  // octets that section 14.3 requires to be read

TEST_CASE("RFC 8489 9.2.4: a request without integrity is an error 401 with REALM and NONCE") {
  for (const bool allocated : {false, true}) {
    TurnServer server;
    TurnClient client(server);
    if (allocated) client.allocate();
    for (const uint16_t method :
         {stun::kAllocate, stun::kRefresh, stun::kCreatePermission, stun::kChannelBind}) {
      CAPTURE(method);
      CAPTURE(allocated);
      const Response response = client.bareRequest(method, {transport(), kClientSoftware});
      CHECK(response.code() == 401);
      checkChallenge(response, false);
      CHECK(response.protection == "none");
    }
  }
}

TEST_CASE("RFC 8489 9.2.4: credentials without integrity do not authenticate") {
  TurnServer server;
  TurnClient client(server);
  Auth auth = client.auth();
  auth.sha256 = false;
  CHECK(client.request(stun::kAllocate, {transport()}, auth).code() == 401);
  CHECK(server.network().open_ports() == 0);
}

TEST_CASE("RFC 8489 9.2.4: integrity without username, realm or nonce is an error 400 without details") {
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
      const Response response = client.request(stun::kAllocate, {transport()}, auth);
      CHECK(response.code() == 400);
      for (const uint16_t type : {stun::kUsername, stun::kUserhash, stun::kNonce, stun::kRealm})
        CHECK_FALSE(response.has(type));
      CHECK(response.protection == "none");
    }
  }
}

TEST_CASE("RFC 8489 9.2.4: an unknown USERNAME or USERHASH is an error 401 with a complete challenge") {
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
    const Response response = client.request(stun::kAllocate, {transport()}, auth);
    CHECK(response.code() == 401);
    checkChallenge(response, true);
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
      const Response response = client.request(stun::kAllocate, {transport()}, auth);
      CHECK(response.code() == 401);
      checkChallenge(response, true);
      CHECK(response.protection == "none");
      CHECK(server.network().open_ports() == 0);
    }
  }
}

TEST_CASE("RFC 8489 9.2.4: a request that was changed in transit is an error 401") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  auto request = client.formed(stun::kRefresh, {lifetime(0x00000100)});
  request[stun::kHeaderSize + 4 + 2] = 0;  // LIFETIME becomes 0
  CHECK(client.send(request).code() == 401);
  CHECK(server.network().open_ports() == 1);
}

TEST_CASE("RFC 8489 9.2.4: credentials of another realm are an error 401 with the server's realm") {
  TurnServer server;
  TurnClient client(server);
  Auth auth = client.auth();
  auth.realm = "example.com";
  auth.key_realm = "example.com";
  const Response response = client.request(stun::kAllocate, {transport()}, auth);
  CHECK(response.code() == 401);
  CHECK(response.text(stun::kRealm) == kRealm);
}

TEST_CASE("RFC 8489 9.2.4: MESSAGE-INTEGRITY-SHA256 decides if both are present") {
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

TEST_CASE("RFC 8489 9.2.4: the checks are made in order: 400 before 401 before 438") {
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

TEST_CASE("RFC 8489 9.2.4: a response to an authentic request repeats neither realm, nonce nor name") {
  TurnServer server;
  TurnClient client(server);
  for (const Response& response : {client.allocate(), client.refresh(), client.permit({kPeer}),
                                   client.bind(0x4000, kPeer), client.tryAllocate(), client.permit({})}) {
    CHECK(response.protection == "sha256");
    for (const uint16_t type : {stun::kUsername, stun::kUserhash, stun::kNonce, stun::kRealm})
      CHECK_FALSE(response.has(type));
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

TEST_CASE(
    "responses to clients that have not authenticated are less than three times as long as the request") {
  TurnServer server;
  for (const char* from : {"192.0.2.1:5000", "[2001:db8:1::1]:5000"}) {
    TurnClient client(server, from);
    const Auth right = client.auth();
    Auth no_name = right, unknown = right, wrong = right, half = right;
    no_name.username.reset();
    unknown.username = "m";
    wrong.password = "wrong";
    half.algorithms.reset();
    for (const uint16_t method :
         {stun::kBinding, stun::kAllocate, stun::kRefresh, stun::kCreatePermission, stun::kChannelBind}) {
      for (const Auth* auth : {static_cast<const Auth*>(nullptr), static_cast<const Auth*>(&no_name),
                               static_cast<const Auth*>(&unknown), static_cast<const Auth*>(&wrong),
                               static_cast<const Auth*>(&half)}) {
        for (const Attributes& attributes :
             {Attributes{}, {transport()}, {number(0x7777, 0)}, {kClientSoftware}}) {
          const auto request = form(method, stun::Class::kRequest, newTransaction(), attributes, auth);
          const size_t responded = client.send(request, auth).bytes.size();
          CHECK(responded < 3 * request.size());
          if (request.size() > stun::kHeaderSize) CHECK(responded > 0);
        }
      }
    }
  }
}

// Counts how often credentials are checked.
struct Counting final : credentials::Source {
  explicit Counting(std::shared_ptr<const credentials::Source> source) : inner(std::move(source)) {}
  bool authenticate(const credentials::Claim& claim, credentials::Use use,
                    const Check& check) const override {
    ++tried;
    return inner->authenticate(claim, use, check);
  }
  std::string_view account(std::string_view username) const override { return inner->account(username); }
  std::vector<std::string> usernames() const override { return inner->usernames(); }
  bool sameAs(const Source& other) const override { return this == &other; }

  std::shared_ptr<const credentials::Source> inner;
  mutable int tried = 0;
};

TEST_CASE(
    "credentials of unknown clients are checked at a limited rate, and authenticated clients are not "
    "limited") {
  TurnServer server;
  server.config.replace(server.config.find("1000000"), 7, "10");
  TurnClient client(server);
  const auto source = std::make_shared<Counting>(client.chain.credentials);
  client.chain.credentials = source;
  const auto responded = [&](const Auth& auth, int code) {
    int count = 0;
    for (int i = 0; i < 100; ++i)
      count += client.request(stun::kAllocate, {transport()}, auth).code() == code;
    return count;
  };
  const Auth right = client.auth();
  server.advance(10s);

  Auth wrong = right;
  wrong.nonce = "obMatJos2wAAAAAAAAAA";  // unknown
  wrong.password = "wrong";
  CHECK(responded(wrong, 401) == 50);
  CHECK(source->tried == 50);
  CHECK(client.chain.dropped("stun_turn", "rate_limited") == 50);
  Auth foreign = right;
  foreign.nonce = wrong.nonce;
  CHECK(responded(foreign, 438) == 0);
  server.advance(10s);

  CHECK(responded(foreign, 438) == 100);  // as after a restart
  CHECK(responded(right, 437) == 99);     // after its first one
  server.advance(630s);
  client.bareRequest(stun::kAllocate, {transport()});
  CHECK(responded(right, 438) == 100);
  wrong.nonce = right.nonce;
  source->tried = 0;
  CHECK(responded(wrong, 401) ==
        2);  // behind the address to which one of the server's nonces was sent, at a twentieth of the rate
  CHECK(source->tried == 2);
}

TEST_CASE("a client's keep-alives do not count as requests of unknown clients") {
  TurnServer server;
  server.config.replace(server.config.find("1000000"), 7, "10");
  TurnClient client(server);
  client.allocate();
  for (int i = 0; i < 100; ++i) CHECK(client.bareRequest(stun::kBinding).code() == kSuccess);
}

}  // namespace
}  // namespace sluice::test
