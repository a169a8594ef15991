#include "source/turn/nonce.h"

#include <algorithm>

#include "source/base/random.h"
#include "source/crypto/hmac.h"

namespace sluice::turn {
namespace {

constexpr std::string_view kCookie = "obMatJos2";
constexpr size_t kCookieSize = 13;  // with the features' four characters
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The tail's 42 bits: time, salt, MAC. The MAC only makes a replay stale; authentication rests on
// MESSAGE-INTEGRITY.
constexpr size_t kTailSize = NonceGenerator::kSize - kCookieSize;
constexpr unsigned kTickBits = 7, kSaltBits = 8, kMacBits = 6 * kTailSize - kTickBits - kSaltBits;
constexpr uint64_t kTicks = 64;  // of a lifetime; half of what the bits can distinguish

uint64_t tickOf(Instant now, const NonceGenerator::Kind& kind) {
  return static_cast<uint64_t>(now.time_since_epoch() / (kind.lifetime / kTicks));
}

std::string cookie(uint32_t features) {
  uint8_t bytes[3];
  writeU24(bytes, features);
  return std::string(kCookie) + crypto::base64(bytes);
}

}  // namespace

NonceGenerator::NonceGenerator() {
  fillRandom(key_);
}

// The tail contains the last bits of the tick; the MAC covers all of them.
std::string NonceGenerator::tail(const net::Address& client, uint64_t tick, uint8_t salt,
                                 uint32_t features) const {
  uint8_t message[8 + 1 + 4 + 2 + 16] = {};
  writeU64(message, tick);
  message[8] = salt;
  writeU32(message + 9, features);
  writeU16(message + 13, client.port());
  std::copy(client.ip().begin(), client.ip().end(), message + 15);
  uint8_t mac[32];
  crypto::hmacSha256(key_, message, mac);
  uint64_t bits = tick % (1u << kTickBits);
  bits = bits << kSaltBits | salt;
  bits = bits << kMacBits | readU32(mac) >> (32 - kMacBits);
  std::string text(kTailSize, 0);
  for (auto it = text.rbegin(); it != text.rend(); ++it, bits >>= 6) *it = kAlphabet[bits & 63];
  return text;
}

std::string NonceGenerator::make(const net::Address& client, Instant now, const Kind& kind) const {
  const uint8_t salt = salt_.fetch_add(1, std::memory_order_relaxed);
  return cookie(kind.features) + tail(client, tickOf(now, kind), salt, kind.features);
}

uint32_t NonceGenerator::featuresOf(std::string_view nonce) {
  for (const uint32_t features : {kPasswordAlgorithmsFeature, kUsernameAnonymityFeature,
                                  kPasswordAlgorithmsFeature | kUsernameAnonymityFeature}) {
    if (nonce.starts_with(cookie(features))) return features;
  }
  return 0;
}

NonceGenerator::Verdict NonceGenerator::verify(std::string_view nonce, const net::Address& client,
                                               Instant now, const Kind& kind) const {
  if (nonce.size() != kSize || !nonce.starts_with(cookie(kind.features))) return Verdict::kUnknown;
  const std::string_view end = nonce.substr(kCookieSize);
  uint64_t bits = 0;
  for (const char c : end) bits = bits << 6 | (kAlphabet.find(c) & 63);
  const uint64_t now_tick = tickOf(now, kind);
  const uint64_t age = (now_tick - (bits >> (kSaltBits + kMacBits))) % (1u << kTickBits);
  const std::string expected =
      tail(client, now_tick - age, static_cast<uint8_t>(bits >> kMacBits), kind.features);
  if (!constantTimeEqual(asBytes(end), asBytes(expected))) return Verdict::kUnknown;
  return age < kTicks ? Verdict::kValid : Verdict::kStale;
}

}  // namespace sluice::turn
