// The server side of the long-term credential mechanism (RFC 8489 section 9.2): authenticates the sender of a
// request. Immutable, for all threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "source/codec/stun.h"
#include "source/codec/stun_writer.h"
#include "source/credentials/source.h"
#include "source/turn/nonce.h"

namespace sluice::turn {

struct Authentication {
  std::optional<stun::ErrorCode> error;  // nothing: authenticated; else 400, 401 or 438
  std::string username;
  std::vector<uint8_t> key;
  bool sha256 = false;  // responses carry MESSAGE-INTEGRITY-SHA256
};

class LongTerm {
 public:
  LongTerm(std::string realm, Duration nonce_lifetime, std::shared_ptr<const NonceGenerator> generator,
           std::shared_ptr<const credentials::Source> source);

  // The verdict on the request's nonce; kUnknown without a nonce. Cheap, unlike authenticate().
  NonceGenerator::Verdict verifyNonce(const stun::Message& request, const net::Address& client,
                                      Instant now) const;
  // `nonce`: the result of verifyNonce(). `continuing`: the user that owns the allocation, or empty.
  Authentication authenticate(const stun::Message& request, NonceGenerator::Verdict nonce,
                              std::string_view continuing) const;

  // The longest realm, and the longest one with which SHA-256 is offered: the whole challenge to the shortest
  // possible Allocate request, 28 bytes, must be less than three times as long.
  static constexpr size_t kMaxRealm = 24, kMaxRealmOfSha256 = 12;

  // Adds an ERROR-CODE of 401 or 438 with REALM, NONCE and PASSWORD-ALGORITHMS; and a reason phrase, if the
  // whole message stays below `limit` bytes with it. The writer must hold a header only.
  void challenge(stun::Writer& writer, stun::ErrorCode code, const net::Address& client, Instant now,
                 size_t limit) const;

  const std::string& realm() const { return realm_; }

 private:
  std::optional<stun::ErrorCode> checkAlgorithm(const stun::Message& request, std::string_view nonce,
                                                Authentication& out, credentials::Algorithm& key) const;
  std::string usernameOf(const stun::Message& request) const;

  const std::string realm_;
  const std::shared_ptr<const NonceGenerator> generator_;
  const std::shared_ptr<const credentials::Source> source_;
  std::unordered_map<std::string, std::string> by_userhash_;
  NonceGenerator::Kind nonces_;
};

}  // namespace sluice::turn
