// Nonces that need no memory (RFC 8489 section 9.2): the time, a salt that makes each a new one, and a MAC
// over both and the client's address, behind the nonce cookie that tells the security features. The same key
// knows them on every worker.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <string_view>

#include "source/base/clock.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

// RFC 8489 section 18.1; bit 0 is the most significant of 24.
inline constexpr uint32_t kPasswordAlgorithmsFeature = 0x800000;
inline constexpr uint32_t kUsernameAnonymityFeature = 0x400000;

class NonceMint {
 public:
  NonceMint();  // with a random key

  // Without features it has no cookie and is as short as can be: for answers that must be.
  std::string make(const net::Address& client, Instant now, uint32_t features) const;

  // Did make() give it to this client, at most `lifetime` ago?
  bool isValid(std::string_view nonce, const net::Address& client, Instant now, Duration lifetime) const;

  // What its cookie claims; 0 without one. Not verified.
  static uint32_t featuresOf(std::string_view nonce);

  static constexpr size_t kShortSize = 11;  // bytes
  static constexpr size_t kFullSize = 24;

 private:
  struct Stamp {
    uint64_t time;  // in ticks; the nonce shows the last 16 bits, the MAC is over all
    uint16_t salt;
  };
  // That a tail shows, made no later than `now`.
  static Stamp stampOf(std::string_view tail, Instant now);
  std::string tail(const net::Address& client, Stamp stamp, uint32_t features) const;

  std::array<uint8_t, 32> key_;
  mutable std::atomic<uint16_t> salt_{0};
};

}  // namespace sluice::stun_turn
