#include "source/http/tls_pair.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <memory>

namespace sluice::http {
namespace {

gnutls_datum_t datum(const std::string& text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

std::string reason(int error) {
  return std::string(" (") + gnutls_strerror(error) + ")";
}

int readCertificate(const std::string& pem) {
  gnutls_x509_crt_t* certificates = nullptr;
  unsigned count = 0;
  const gnutls_datum_t data = datum(pem);
  const int result = gnutls_x509_crt_list_import2(&certificates, &count, &data, GNUTLS_X509_FMT_PEM, 0);
  if (result < 0) return result;
  for (unsigned i = 0; i < count; ++i) gnutls_x509_crt_deinit(certificates[i]);
  gnutls_free(certificates);
  return 0;
}

}  // namespace

Status checkTlsPair(const std::string& certificate, const std::string& private_key) {
  if (const int error = readCertificate(certificate); error < 0) {
    return Error{"certificate", "is not a certificate in PEM" + reason(error)};
  }
  gnutls_certificate_credentials_t raw = nullptr;
  if (const int error = gnutls_certificate_allocate_credentials(&raw); error < 0) {
    return Error{"private_key", "cannot be checked" + reason(error)};
  }
  const std::unique_ptr<gnutls_certificate_credentials_st, void (*)(gnutls_certificate_credentials_t)>
      credentials(raw, gnutls_certificate_free_credentials);
  const gnutls_datum_t certificate_data = datum(certificate), key_data = datum(private_key);
  const int error =
      gnutls_certificate_set_x509_key_mem(raw, &certificate_data, &key_data, GNUTLS_X509_FMT_PEM);
  if (error == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
    return Error{"private_key", "does not belong to the certificate"};
  if (error < 0)
    return Error{"private_key", "is not a private key in PEM without a password" + reason(error)};
  return Done{};
}

}  // namespace sluice::http
