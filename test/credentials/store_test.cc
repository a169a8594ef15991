#include "source/credentials/store.h"

#include <doctest/doctest.h>

#include "source/crypto/hmac.h"

namespace sluice::credentials {
namespace {

constexpr int64_t kNow = 1'700'000'000;

struct Fixture {
  int64_t now = kNow;
  Store store{{.users = {{"alice", "alice's password"}}, .shared_secrets = {"first secret", "second secret"}},
              [this] { return now; }};

  bool accepts(std::string_view user, std::string_view password, Use use = Use::kBegin) {
    return store.authenticate(user, use, [&](std::string_view known) { return known == password; });
  }
  static std::string sign(std::string_view secret, std::string_view user, bool sha256 = false) {
    uint8_t mac[32];
    (sha256 ? crypto::hmacSha256 : crypto::hmacSha1)(asBytes(secret), asBytes(user), mac);
    return crypto::base64(Bytes(mac, sha256 ? 32 : 20));
  }
};

TEST_CASE("a user has one password, a stranger none") {
  Fixture f;
  CHECK(f.accepts("alice", "alice's password"));
  CHECK_FALSE(f.accepts("alice", "another"));
  CHECK_FALSE(f.accepts("bob", "alice's password"));
}

TEST_CASE("a time-limited name is signed by any of the secrets, with either hash, until its time") {
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
}

TEST_CASE("quotas count the name behind the time") {
  Fixture f;
  CHECK(f.store.account("1700000000:bob") == "bob");
  CHECK(f.store.account("1700000000:a:b") == "a:b");
  CHECK(f.store.account("bob") == "bob");
  CHECK(f.store.account("team:bob") == "team:bob");
}

TEST_CASE("what it issues it accepts, and no longer than it may") {
  Fixture f;
  const Issued issued = f.store.issue("room/bob", kNow + 100'000);
  CHECK(issued.ttl == std::chrono::seconds{600});
  CHECK(issued.username == std::to_string(kNow + 600) + ":room/bob");
  CHECK(f.accepts(issued.username, issued.password));
  CHECK(f.store.issue("room/bob", kNow + 60).ttl == std::chrono::seconds{60});
}

TEST_CASE("a hash of a name is of use only where every name is known") {
  CHECK(Fixture().store.usernames().empty());
  CHECK(Store({.users = {{"alice", "x"}}, .shared_secrets = {}}).usernames() ==
        std::vector<std::string>{"alice"});
}

TEST_CASE("equal configurations are the same source") {
  Fixture a, b;
  CHECK(a.store.sameAs(b.store));
  CHECK_FALSE(a.store.sameAs(Store({.users = {{"alice", "new"}}, .shared_secrets = {}})));
  CHECK_FALSE(a.store.sameAs(None()));
}

}  // namespace
}  // namespace sluice::credentials
