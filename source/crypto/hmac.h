// Hashes, message authentication codes and their text form.
#pragma once

#include <array>
#include <string>

#include "source/base/bytes.h"

namespace sluice::crypto {

void hmacSha1(Bytes key, Bytes message, uint8_t* out);    // 20 bytes
void hmacSha256(Bytes key, Bytes message, uint8_t* out);  // 32 bytes

std::array<uint8_t, 16> md5(Bytes message);
std::array<uint8_t, 32> sha256(Bytes message);

// RFC 4648 section 4.
std::string base64(Bytes bytes);

}  // namespace sluice::crypto
