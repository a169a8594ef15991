#include "source/turn/long_term.h"

#include <doctest/doctest.h>

#include "source/codec/stun_writer.h"
#include "source/credentials/store.h"
#include "source/crypto/hmac.h"

namespace sluice::turn {
namespace {

using stun::ErrorCode;

const net::Address kClient = *net::Address::parse("192.0.2.1:5000");

std::shared_ptr<const credentials::Source> alice() {
  credentials::Options options;
  options.users["alice"] = "password";
  return std::make_shared<credentials::Store>(options);
}

struct Fixture {
  ManualClock clock;
  LongTerm auth{"example.org", 600s, std::make_shared<NonceGenerator>(), alice()};

  // The parts of a request; those that are set are added.
  struct Parts {
    std::optional<std::string> username = "alice";
    std::optional<std::string> realm = "example.org";
    std::optional<std::string> nonce{};
    std::optional<std::string> password = "password";  // signs
    bool algorithms = true;                            // chooses SHA-256 from the list that the challenge has
  };
  Authentication authenticate(const Parts& parts) const {
    std::vector<uint8_t> bytes(stun::kMaxMessage);
    stun::Writer writer(bytes, stun::kAllocate, stun::Class::kRequest, {1});
    if (parts.username) writer.add(stun::kUsername, *parts.username);
    if (parts.realm) writer.add(stun::kRealm, *parts.realm);
    if (parts.nonce) writer.add(stun::kNonce, *parts.nonce);
    if (parts.algorithms) {
      writer.addU64(stun::kPasswordAlgorithms, 0x0002000000010000);
      writer.addU32(stun::kPasswordAlgorithm, 2u << 16);
    }
    if (parts.password) {
      const auto algorithm =
          parts.algorithms ? credentials::Algorithm::kSha256 : credentials::Algorithm::kMd5;
      writer.addIntegritySha256(credentials::keyOf("alice", "example.org", *parts.password, algorithm),
                                crypto::hmacSha256);
    }
    bytes.resize(writer.finish().value());
    const auto request = *stun::parse(bytes);
    return auth.authenticate(request, auth.verifyNonce(request, kClient, clock.now()), "");
  }
  std::optional<ErrorCode> errorOf(const Parts& parts) const { return authenticate(parts).error; }

  std::vector<uint8_t> challenge(ErrorCode code, size_t limit = 1000) const {
    std::vector<uint8_t> bytes(stun::kMaxMessage);
    stun::Writer writer(bytes, stun::kAllocate, stun::Class::kError, {1});
    auth.challenge(writer, code, kClient, clock.now(), limit);
    bytes.resize(writer.finish().value());
    return bytes;
  }
  std::string nonce() const {
    const auto bytes = challenge(ErrorCode::kUnauthorized);
    return std::string(*stun::parse(bytes)->nonce());
  }
};

TEST_CASE("RFC 8489 9.2.4: right credentials are authenticated, with the key and the algorithm") {
  const Fixture f;
  const Authentication with_list = f.authenticate({.nonce = f.nonce()});
  CHECK_FALSE(with_list.error);
  CHECK(with_list.username == "alice");
  CHECK(with_list.sha256);
  CHECK(with_list.key.size() == 32);
  const Authentication legacy = f.authenticate({.nonce = f.nonce(), .algorithms = false});
  CHECK_FALSE(legacy.error);
  CHECK_FALSE(legacy.sha256);
  CHECK(legacy.key.size() == 16);
}

TEST_CASE("RFC 8489 9.2.4: the checks and their errors, without a key in the result") {
  Fixture f;
  const std::string nonce = f.nonce();
  CHECK(f.errorOf({.nonce = nonce, .password = std::nullopt}) == ErrorCode::kUnauthorized);
  CHECK(f.errorOf({.nonce = std::nullopt}) == ErrorCode::kBadRequest);
  CHECK(f.errorOf({.realm = std::nullopt, .nonce = nonce}) == ErrorCode::kBadRequest);
  CHECK(f.errorOf({.username = std::nullopt, .nonce = nonce}) == ErrorCode::kBadRequest);
  CHECK(f.errorOf({.realm = "example.com", .nonce = nonce}) == ErrorCode::kUnauthorized);
  CHECK(f.errorOf({.username = "mallory", .nonce = nonce}) == ErrorCode::kUnauthorized);
  CHECK(f.errorOf({.nonce = nonce, .password = "wrong"}) == ErrorCode::kUnauthorized);
  f.clock.advance(600s);
  CHECK(f.errorOf({.nonce = nonce}) == ErrorCode::kStaleNonce);
  CHECK(f.errorOf({.nonce = nonce, .password = "wrong"}) == ErrorCode::kUnauthorized);
  CHECK(f.authenticate({.nonce = nonce}).key.empty());
}

TEST_CASE("LongTerm: a challenge has a reason phrase if it stays below the limit with it") {
  const Fixture f;
  const auto full = f.challenge(ErrorCode::kStaleNonce);
  const auto message = *stun::parse(full);
  CHECK(message.errorCode() == 438);
  CHECK(message.realm() == "example.org");
  CHECK(message.has(stun::kPasswordAlgorithms));
  CHECK(message.find(stun::kErrorCode)->size() == 4 + stun::reasonOf(ErrorCode::kStaleNonce).size());
  CHECK(f.challenge(ErrorCode::kStaleNonce, full.size() + 1).size() == full.size());
  const auto bare = f.challenge(ErrorCode::kStaleNonce, full.size());
  CHECK(stun::parse(bare)->find(stun::kErrorCode)->size() == 4);
}

}  // namespace
}  // namespace sluice::turn
