// Whether a certificate and its private key can serve TLS.
#pragma once

#include <string>

#include "source/base/result.h"

namespace sluice::http {

// Both PEM: the certificate's chain, and the key. Judged by GnuTLS, which the HTTP server uses. The error's
// path is "certificate" or "private_key": what cannot be read, or a key that belongs to another certificate.
// Its message quotes nothing of them.
Status checkTlsPair(const std::string& certificate, const std::string& private_key);

}  // namespace sluice::http
