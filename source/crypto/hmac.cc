#include "source/crypto/hmac.h"

#include <openssl/base64.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

// With OpenSSL's headers everything would compile, but fail silently at run time.
#ifndef OPENSSL_IS_BORINGSSL
#error "Sluice is built on BoringSSL; its headers must come before OpenSSL's"
#endif

namespace sluice::crypto {

void hmacSha1(Bytes key, Bytes message, uint8_t* out) {
  HMAC(EVP_sha1(), key.data(), key.size(), message.data(), message.size(), out, nullptr);
}

void hmacSha256(Bytes key, Bytes message, uint8_t* out) {
  HMAC(EVP_sha256(), key.data(), key.size(), message.data(), message.size(), out, nullptr);
}

std::array<uint8_t, 16> md5(Bytes message) {
  std::array<uint8_t, 16> digest;
  MD5(message.data(), message.size(), digest.data());
  return digest;
}

std::array<uint8_t, 32> sha256(Bytes message) {
  std::array<uint8_t, 32> digest;
  SHA256(message.data(), message.size(), digest.data());
  return digest;
}

std::string base64(Bytes bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // with a terminating zero
  text.resize(EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), bytes.data(), bytes.size()));
  return text;
}

}  // namespace sluice::crypto
