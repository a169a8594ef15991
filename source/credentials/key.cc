#include "source/credentials/key.h"

#include <charconv>
#include <string>

#include "source/crypto/hmac.h"

namespace sluice::credentials {

std::vector<uint8_t> keyOf(std::string_view username, std::string_view realm, std::string_view password,
                           Algorithm algorithm) {
  std::string text(username);
  text.append(":").append(realm).append(":").append(password);
  const auto copy = [](const auto& digest) { return std::vector<uint8_t>(digest.begin(), digest.end()); };
  return algorithm == Algorithm::kMd5 ? copy(crypto::md5(asBytes(text)))
                                      : copy(crypto::sha256(asBytes(text)));
}

std::vector<uint8_t> keyFromHex(std::string_view digits, Algorithm algorithm) {
  std::vector<uint8_t> key(keySize(algorithm));
  if (digits.size() != 2 * key.size()) return {};
  for (size_t i = 0; i < key.size(); ++i) {
    const char* const at = digits.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, key[i], 16);
    if (error != std::errc() || end != at + 2) return {};
  }
  return key;
}

}  // namespace sluice::credentials
