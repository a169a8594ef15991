// A self-signed certificate for DTLS-SRTP; the SDP carries its fingerprint (RFC 8122).
#pragma once

#include <memory>
#include <string>

#include "source/base/bytes.h"
#include "source/base/dtls_parameters.h"

struct evp_pkey_st;
struct x509_st;

namespace sluice::crypto {

using sluice::Fingerprint;

class Certificate {
 public:
  // ECDSA on P-256, valid for a year from an hour ago. Generated at start: every process has its own.
  static std::shared_ptr<const Certificate> generate();

  // Includes the private key, a secret. For a process that takes over: clients have this certificate's
  // fingerprint.
  std::string save() const;
  // Null if `saved` is not the result of save().
  static std::shared_ptr<const Certificate> load(Bytes saved);

  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  const Fingerprint& fingerprint() const { return fingerprint_; }
  evp_pkey_st* key() const { return key_; }
  x509_st* x509() const { return x509_; }

 private:
  Certificate(evp_pkey_st* key, x509_st* x509);

  evp_pkey_st* const key_;
  x509_st* const x509_;
  Fingerprint fingerprint_;
};

// SHA-256 over the DER form.
Fingerprint fingerprintOf(const x509_st* certificate);

}  // namespace sluice::crypto
