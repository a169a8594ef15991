// Stateless nonces (RFC 8489 section 9.2): the nonce cookie, which has the security feature bits, then the
// time, a salt that makes each nonce different, and a MAC over all of it and the client's address. All
// workers verify them with the same key.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <string_view>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/net/address.h"

namespace sluice::turn {

// RFC 8489 section 18.1; bit 0 is the most significant of 24.
inline constexpr uint32_t kPasswordAlgorithmsFeature = 0x800000;
inline constexpr uint32_t kUsernameAnonymityFeature = 0x400000;

class NonceGenerator {
 public:
  // The parameters that all nonces of one realm share.
  struct Kind {
    uint32_t features;
    Duration lifetime;  // nonces expire up to 1/64 of it earlier, since time is counted in ticks
  };

  NonceGenerator();  // with a random key

  std::string make(const net::Address& client, Instant now, const Kind& kind) const;
  // A nonce is valid only if make() created it for this client and these features: one with fewer features
  // would allow an attacker on the path a bid-down attack (section 9.2.1).
  enum class Verdict {
    kValid,
    kStale,   // of this server, and one to two lifetimes old
    kUnknown  // of another server, or older
  };
  Verdict verify(std::string_view nonce, const net::Address& client, Instant now, const Kind& kind) const;

  // The features that its cookie claims; 0 without a cookie. Not verified.
  static uint32_t featuresOf(std::string_view nonce);

  // The key, a secret: a process that has it accepts these nonces as its own.
  void archive(Archive& a) { a(key_); }

  static constexpr size_t kSize = 20;  // bytes

 private:
  std::string tail(const net::Address& client, uint64_t tick, uint8_t salt, uint32_t features) const;

  std::array<uint8_t, 32> key_;
  mutable std::atomic<uint8_t> salt_{0};
};

}  // namespace sluice::turn
