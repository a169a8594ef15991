#include "filters/stun_turn/nonce.h"

#include <algorithm>

#include "source/base/random.h"
#include "source/crypto/hmac.h"

namespace sluice::stun_turn {
namespace {

constexpr std::string_view kCookie = "obMatJos2";
constexpr size_t kCookieSize = 13;  // with the features' four characters
constexpr Duration kTick = 4s;      // 16 bits of them last three days
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint64_t ticks(Instant now) {
  return static_cast<uint64_t>(now.time_since_epoch() / kTick);
}

std::string features64(uint32_t features) {
  uint8_t bytes[3];
  writeU24(bytes, features);
  return crypto::base64(bytes);
}

}  // namespace

NonceMint::NonceMint() {
  fillRandom(key_);
}

// The first 32 bits of a tail.
NonceMint::Stamp NonceMint::stampOf(std::string_view tail, Instant now) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 6; ++i) bits = bits << 6 | (kAlphabet.find(tail[i]) & 63);
  const auto stamp = static_cast<uint32_t>(bits >> 4);
  const auto age = static_cast<uint16_t>(ticks(now) - (stamp >> 16));
  return {ticks(now) - age, static_cast<uint16_t>(stamp)};
}

// 16 bits of time, 16 of salt and 32 of MAC. It only makes a replay stale; what counts is MESSAGE-INTEGRITY.
std::string NonceMint::tail(const net::Address& client, Stamp stamp, uint32_t features) const {
  uint8_t message[8 + 2 + 4 + 2 + 16] = {};
  writeU64(message, stamp.time);
  writeU16(message + 8, stamp.salt);
  writeU32(message + 10, features);
  writeU16(message + 14, client.port());
  std::copy(client.ip().begin(), client.ip().end(), message + 16);
  uint8_t mac[32];
  crypto::hmacSha256(key_, message, mac);
  std::array<uint8_t, 8> bytes;
  std::copy_n(message + 6, 4, bytes.begin());  // the time's last bits and the salt
  std::copy_n(mac, 4, bytes.begin() + 4);
  return crypto::base64(bytes).substr(0, kShortSize);
}

std::string NonceMint::make(const net::Address& client, Instant now, uint32_t features) const {
  const Stamp stamp{ticks(now), salt_.fetch_add(1, std::memory_order_relaxed)};
  const std::string end = tail(client, stamp, features);
  return features == 0 ? end : std::string(kCookie) + features64(features) + end;
}

uint32_t NonceMint::featuresOf(std::string_view nonce) {
  if (nonce.size() < kCookieSize || !nonce.starts_with(kCookie)) return 0;
  const std::string_view claimed = nonce.substr(kCookie.size(), 4);
  for (const uint32_t features : {kPasswordAlgorithmsFeature, kUsernameAnonymityFeature,
                                  kPasswordAlgorithmsFeature | kUsernameAnonymityFeature}) {
    if (claimed == features64(features)) return features;
  }
  return 0;
}

bool NonceMint::isValid(std::string_view nonce, const net::Address& client, Instant now,
                        Duration lifetime) const {
  const uint32_t features = featuresOf(nonce);
  if (nonce.size() != (features == 0 ? kShortSize : kFullSize)) return false;
  const std::string_view end = nonce.substr(nonce.size() - kShortSize);
  const Stamp stamp = stampOf(end, now);
  const std::string expected = tail(client, stamp, features);
  if (!constantTimeEqual(asBytes(end), asBytes(expected))) return false;
  return (ticks(now) - stamp.time) * kTick <= lifetime;
}

}  // namespace sluice::stun_turn
