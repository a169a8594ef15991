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

uint16_t ticks(Instant now) {
  return static_cast<uint16_t>(now.time_since_epoch() / kTick);
}

std::string features64(uint32_t features) {
  uint8_t bytes[3];
  writeU24(bytes, features);
  return crypto::base64(bytes);
}

// The first 16 bits of a tail, which say when it was made.
uint16_t timeOf(std::string_view tail) {
  uint32_t bits = 0;
  for (size_t i = 0; i < 3; ++i) {
    const size_t digit = kAlphabet.find(tail[i]);
    bits = bits << 6 | static_cast<uint32_t>(digit & 63);
  }
  return static_cast<uint16_t>(bits >> 2);
}

}  // namespace

NonceMint::NonceMint() {
  fillRandom(key_);
}

// 16 bits of time and 48 of MAC.
std::string NonceMint::tail(const net::Address& client, uint16_t time, uint32_t features) const {
  uint8_t message[2 + 4 + 2 + 16] = {};
  writeU16(message, time);
  writeU32(message + 2, features);
  writeU16(message + 6, client.port());
  std::copy(client.ip().begin(), client.ip().end(), message + 8);
  uint8_t mac[32];
  crypto::hmacSha256(key_, message, mac);
  uint8_t bytes[8];
  writeU16(bytes, time);
  std::copy_n(mac, 6, bytes + 2);
  return crypto::base64(bytes).substr(0, kShortSize);
}

std::string NonceMint::make(const net::Address& client, Instant now, uint32_t features) const {
  const std::string end = tail(client, ticks(now), features);
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
  const uint16_t time = timeOf(end);
  const std::string expected = tail(client, time, features);
  if (!constantTimeEqual(asBytes(end), asBytes(expected))) return false;
  const auto age = static_cast<uint16_t>(ticks(now) - time);
  return age * kTick <= lifetime;
}

}  // namespace sluice::stun_turn
