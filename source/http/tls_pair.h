// Checks that a certificate and its private key can serve TLS.
#pragma once

#include <string>

#include "source/base/result.h"

namespace sluice::http {

// Both are PEM: the certificate chain and the key. Checked by GnuTLS, which the HTTP server uses. The error's
// path is "certificate" or "private_key": the one that cannot be read, or a key that belongs to another
// certificate. Its message does not quote them.
Status checkTlsPair(const std::string& certificate, const std::string& private_key);

}  // namespace sluice::http
