#include "source/crypto/certificate.h"

#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/x509.h>

#include <cstdlib>

#include "source/base/random.h"

namespace sluice::crypto {
namespace {

constexpr long kHour = 3600;
constexpr long kYear = 365L * 24 * kHour;

void require(bool ok) {
  if (!ok) std::abort();  // out of memory or a broken library: no secure operation is possible
}

}  // namespace

std::shared_ptr<const Certificate> Certificate::generate() {
  EC_KEY* ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  require(ec != nullptr && EC_KEY_generate_key(ec) == 1);
  EVP_PKEY* key = EVP_PKEY_new();
  require(key != nullptr && EVP_PKEY_assign_EC_KEY(key, ec) == 1);

  X509* x509 = X509_new();
  require(x509 != nullptr && X509_set_version(x509, X509_VERSION_3) == 1);
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), randomU64() >> 1) == 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -kHour);
  X509_gmtime_adj(X509_getm_notAfter(x509), kYear);
  X509_NAME* name = X509_get_subject_name(x509);
  static constexpr uint8_t kName[] = "sluice";
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, kName, sizeof kName - 1, -1, 0) == 1);
  require(X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, key) == 1);
  require(X509_sign(x509, key, EVP_sha256()) != 0);
  return std::shared_ptr<const Certificate>(new Certificate(key, x509));
}

// Both in DER, the key first with its length before it.
std::string Certificate::save() const {
  uint8_t *key = nullptr, *x509 = nullptr;
  const int key_size = i2d_PrivateKey(key_, &key);
  const int x509_size = i2d_X509(x509_, &x509);
  require(key_size > 0 && x509_size > 0);
  uint8_t size[4];
  writeU32(size, static_cast<uint32_t>(key_size));
  std::string saved(reinterpret_cast<char*>(size), sizeof size);
  saved.append(reinterpret_cast<char*>(key), static_cast<size_t>(key_size));
  saved.append(reinterpret_cast<char*>(x509), static_cast<size_t>(x509_size));
  OPENSSL_free(key);  // wipes it
  OPENSSL_free(x509);
  return saved;
}

std::shared_ptr<const Certificate> Certificate::load(Bytes saved) {
  if (saved.size() < 4 || readU32(saved.data()) > saved.size() - 4) return nullptr;
  const size_t key_size = readU32(saved.data());
  const uint8_t* at = saved.data() + 4;
  EVP_PKEY* key = d2i_PrivateKey(EVP_PKEY_EC, nullptr, &at, static_cast<long>(key_size));
  at = saved.data() + 4 + key_size;
  X509* x509 = d2i_X509(nullptr, &at, static_cast<long>(saved.size() - 4 - key_size));
  if (key != nullptr && x509 != nullptr && X509_check_private_key(x509, key) == 1) {
    return std::shared_ptr<const Certificate>(new Certificate(key, x509));
  }
  EVP_PKEY_free(key);
  X509_free(x509);
  return nullptr;
}

Certificate::Certificate(evp_pkey_st* key, x509_st* x509)
    : key_(key), x509_(x509), fingerprint_(fingerprintOf(x509)) {}

Certificate::~Certificate() {
  X509_free(x509_);
  EVP_PKEY_free(key_);
}

Fingerprint fingerprintOf(const x509_st* certificate) {
  Fingerprint fingerprint{};
  unsigned size = fingerprint.size();
  require(X509_digest(certificate, EVP_sha256(), fingerprint.data(), &size) == 1);
  return fingerprint;
}

}  // namespace sluice::crypto
