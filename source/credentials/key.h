// Keys of the long-term mechanism (RFC 8489 sections 9.2.2 and 18.5.1).
#pragma once

#include <string_view>
#include <vector>

#include "source/base/bytes.h"

namespace sluice::credentials {

enum class Algorithm { kMd5, kSha256 };

constexpr size_t keySize(Algorithm algorithm) {
  return algorithm == Algorithm::kMd5 ? 16 : 32;
}

// The hash of "username:realm:password".
std::vector<uint8_t> keyOf(std::string_view username, std::string_view realm, std::string_view password,
                           Algorithm algorithm);

// Decodes hexadecimal digits; empty if they are invalid or do not have the key's length.
std::vector<uint8_t> keyFromHex(std::string_view digits, Algorithm algorithm);

}  // namespace sluice::credentials
