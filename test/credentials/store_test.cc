#include "source/credentials/store.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "source/crypto/hmac.h"

namespace sluice::credentials {
namespace {

constexpr int64_t kNow = 1'700'000'000;

struct Fixture {
  int64_t now = kNow;
  Store store{{.users = {{"alice", "alice's password"}},
               .shared_secrets = {"first secret", "second secret"},
               .ttl = std::chrono::seconds{600},
               .grace = std::chrono::seconds{86'400}},
              [this] { return now; }};

  bool accepts(std::string_view user, std::string_view password, Use use = Use::kBegin) {
    for (const Algorithm algorithm : {Algorithm::kMd5, Algorithm::kSha256}) {
      const auto key = keyOf(user, "realm", password, algorithm);
      const bool accepted = store.authenticate({user, "realm", algorithm}, use,
                                               [&](Bytes known) { return std::ranges::equal(known, key); });
      if (!accepted) return false;
    }
    return true;
  }
  static std::string sign(std::string_view secret, std::string_view user, bool sha256 = false) {
    uint8_t mac[32];
    (sha256 ? crypto::hmacSha256 : crypto::hmacSha1)(asBytes(secret), asBytes(user), mac);
    return crypto::base64(Bytes(mac, sha256 ? 32 : 20));
  }
};

TEST_CASE("a user has one password, an unknown name none") {
  Fixture f;
  CHECK(f.accepts("alice", "alice's password"));
  CHECK_FALSE(f.accepts("alice", "another"));
  CHECK_FALSE(f.accepts("bob", "alice's password"));
}

TEST_CASE("a user may be defined by keys, for the algorithms of the keys") {
  const auto md5 = keyFromHex("00112233445566778899aabbccddeeff", Algorithm::kMd5);
  const Store store({.users = {}, .shared_secrets = {"a secret"}, .keyed_users = {{"bob", {md5, {}}}}});
  size_t offered = 0;
  const auto offers = [&](Algorithm algorithm, Bytes key) {
    return store.authenticate({"bob", "realm", algorithm}, Use::kBegin, [&](Bytes known) {
      ++offered;
      return std::ranges::equal(known, key);
    });
  };
  CHECK(offers(Algorithm::kMd5, md5));
  CHECK_FALSE(offers(Algorithm::kMd5, keyOf("bob", "realm", "", Algorithm::kMd5)));
  CHECK_FALSE(offers(Algorithm::kSha256, md5));
  CHECK_FALSE(offers(Algorithm::kSha256, keyOf("bob", "realm", "", Algorithm::kSha256)));
  CHECK(offered == 4);  // a user without such a key takes as long
}

TEST_CASE("RFC 8489 9.2.2: the key of MD5 is that of its example") {
  CHECK(keyOf("user", "realm", "pass", Algorithm::kMd5) ==
        keyFromHex("8493fbc53ba582fb4c044c456bdc40eb", Algorithm::kMd5));
}

TEST_CASE("a key must have exactly the right number of hexadecimal digits") {
  const std::string good(32, 'a');
  CHECK(keyFromHex(good, Algorithm::kMd5) == std::vector<uint8_t>(16, 0xAA));
  for (const std::string& bad : {std::string(), std::string(31, 'a'), std::string(64, 'a'), "0x" + good,
                                 std::string(30, 'a') + "g0", std::string(30, 'a') + "-1"}) {
    CAPTURE(bad);
    CHECK(keyFromHex(bad, Algorithm::kMd5).empty());
  }
}

TEST_CASE("a time-limited name is signed with any of the secrets and either hash, until its expiry") {
  Fixture f;
  const std::string name = std::to_string(kNow + 10) + ":bob";
  for (const char* secret : {"first secret", "second secret"}) {
    CHECK(f.accepts(name, Fixture::sign(secret, name)));
    CHECK(f.accepts(name, Fixture::sign(secret, name, true)));
  }
  CHECK_FALSE(f.accepts(name, Fixture::sign("third secret", name)));
  CHECK_FALSE(f.accepts("x" + name, Fixture::sign("first secret", "x" + name)));
  f.now = kNow + 10;
  CHECK_FALSE(f.accepts(name, Fixture::sign("first secret", name)));
  CHECK(f.accepts(name, Fixture::sign("first secret", name), Use::kContinue));
  f.now = kNow + 10 + 86'400 - 1;
  CHECK(f.accepts(name, Fixture::sign("first secret", name), Use::kContinue));
  ++f.now;
  CHECK_FALSE(f.accepts(name, Fixture::sign("first secret", name), Use::kContinue));
}

TEST_CASE("quotas count the name after the expiry") {
  Fixture f;
  CHECK(f.store.account("1700000000:bob") == "bob");
  CHECK(f.store.account("1700000000:a:b") == "a:b");
  CHECK(f.store.account("bob") == "bob");
  CHECK(f.store.account("team:bob") == "team:bob");
}

TEST_CASE("credentials that the store issues are accepted, and not after their expiry") {
  Fixture f;
  const Issued issued = f.store.issue("room/bob", kNow + 100'000);
  CHECK(issued.ttl == std::chrono::seconds{600});
  CHECK(issued.username == std::to_string(kNow + 600) + ":room/bob");
  CHECK(f.accepts(issued.username, issued.password));
  CHECK(f.store.issue("room/bob", kNow + 60).ttl == std::chrono::seconds{60});
}

TEST_CASE("a username hash is usable only if every name is known") {
  CHECK(Fixture().store.usernames().empty());
  CHECK(Store({.users = {{"alice", "x"}}, .shared_secrets = {}}).usernames() ==
        std::vector<std::string>{"alice"});
}

TEST_CASE("equal configurations give equal sources") {
  Fixture a, b;
  CHECK(a.store.sameAs(b.store));
  CHECK_FALSE(a.store.sameAs(Store({.users = {{"alice", "new"}}, .shared_secrets = {}})));
  CHECK_FALSE(a.store.sameAs(None()));
}

}  // namespace
}  // namespace sluice::credentials
