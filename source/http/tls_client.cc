#include "source/http/tls_client.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <chrono>
#include <utility>

namespace sluice::http {
namespace {

// Browsers and servers no longer use older versions.
constexpr const char* kPriority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

bool isIpAddress(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// GnuTLS also interrupts an operation for its own reasons, such as after a session ticket.
template <typename Operation>
auto repeat(Operation operation, Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto result = operation();
    if (result != GNUTLS_E_AGAIN && result != GNUTLS_E_INTERRUPTED) return result;
    if (std::chrono::steady_clock::now() >= end) return decltype(result){GNUTLS_E_TIMEDOUT};
  }
}

std::string whyNotTrusted(unsigned status, const std::string& host) {
  const std::pair<unsigned, std::string> reasons[] = {
      {GNUTLS_CERT_SIGNER_NOT_FOUND, "its issuer is unknown"},
      {GNUTLS_CERT_SIGNER_NOT_CA, "its issuer is not a CA"},
      {GNUTLS_CERT_EXPIRED, "it has expired"},
      {GNUTLS_CERT_NOT_ACTIVATED, "it is not valid yet"},
      {GNUTLS_CERT_REVOKED, "it was revoked"},
      {GNUTLS_CERT_INSECURE_ALGORITHM, "it is signed with a weak algorithm"},
      {GNUTLS_CERT_PURPOSE_MISMATCH, "it is not a server certificate"},
      {GNUTLS_CERT_UNEXPECTED_OWNER, "it is not for " + host},
  };
  std::string text;
  for (const auto& [bit, reason] : reasons) {
    if ((status & bit) != 0) text += (text.empty() ? "" : ", ") + reason;
  }
  return text.empty() ? "it cannot be verified" : text;
}

std::string whyNoHandshake(gnutls_session_t session, int error) {
  switch (error) {
    case GNUTLS_E_TIMEDOUT:
      return "no response in time";
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
      return std::string("the server refused it: ") + gnutls_alert_get_name(gnutls_alert_get(session));
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_PREMATURE_TERMINATION:
      return std::string(gnutls_strerror(error)) + " Is it an http address?";
    default:
      return gnutls_strerror(error);
  }
}

}  // namespace

struct TlsClient::Credentials {
  gnutls_certificate_credentials_t raw = nullptr;
  ~Credentials() {
    if (raw != nullptr) gnutls_certificate_free_credentials(raw);
  }
};

struct TlsSession::Impl {
  gnutls_session_t raw = nullptr;
  std::string host;  // GnuTLS keeps pointers to these two until the handshake is done
  gnutls_typed_vdata_st wanted[2] = {};
  bool established = false;
  ~Impl() {
    if (raw == nullptr) return;
    if (established) gnutls_bye(raw, GNUTLS_SHUT_WR);
    gnutls_deinit(raw);
  }
};

Result<std::unique_ptr<TlsClient>> TlsClient::make(TlsTrust trust) {
  auto credentials = std::make_unique<Credentials>();
  int result = gnutls_certificate_allocate_credentials(&credentials->raw);
  if (result >= 0 && !trust.insecure) {
    result = trust.ca_file.empty() ? gnutls_certificate_set_x509_system_trust(credentials->raw)
                                   : gnutls_certificate_set_x509_trust_file(
                                         credentials->raw, trust.ca_file.c_str(), GNUTLS_X509_FMT_PEM);
    if (trust.ca_file.empty()) result = 0;  // a system without CAs trusts no server
  }
  if (result == GNUTLS_E_FILE_ERROR) return Error{"ca_file", trust.ca_file + " cannot be read"};
  if (result < 0 || (!trust.ca_file.empty() && result == 0)) {
    return Error{"ca_file", trust.ca_file + " has no certificate in PEM"};
  }
  return std::unique_ptr<TlsClient>(new TlsClient(std::move(trust), std::move(credentials)));
}

TlsClient::TlsClient(TlsTrust trust, std::unique_ptr<Credentials> credentials)
    : trust_(std::move(trust)), credentials_(std::move(credentials)) {}
TlsClient::~TlsClient() = default;

Result<std::unique_ptr<TlsSession>> TlsClient::handshake(int socket, const std::string& host,
                                                         const std::string& port, Duration patience) const {
  auto impl = std::make_unique<TlsSession::Impl>();
  impl->host = host;
  gnutls_session_t& session = impl->raw;
  static const gnutls_datum_t kHttp1{reinterpret_cast<unsigned char*>(const_cast<char*>("http/1.1")), 8};
  const bool ready =
      gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) >= 0 &&
      gnutls_priority_set_direct(session, kPriority, nullptr) >= 0 &&
      gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials_->raw) >= 0 &&
      gnutls_alpn_set_protocols(session, &kHttp1, 1, 0) >= 0 &&
      // RFC 6066 section 3: not for IP addresses.
      (isIpAddress(host) || gnutls_server_name_set(session, GNUTLS_NAME_DNS, host.data(), host.size()) >= 0);
  if (!ready) return Error{"", "GnuTLS cannot create a session"};
  if (!trust_.insecure) {
    impl->wanted[0] = {GNUTLS_DT_DNS_HOSTNAME, reinterpret_cast<unsigned char*>(impl->host.data()), 0};
    impl->wanted[1] = {GNUTLS_DT_KEY_PURPOSE_OID,
                       reinterpret_cast<unsigned char*>(const_cast<char*>(GNUTLS_KP_TLS_WWW_SERVER)), 0};
    gnutls_session_set_verify_cert2(session, impl->wanted, 2, 0);
  }
  gnutls_transport_set_int(session, socket);
  gnutls_handshake_set_timeout(
      session,
      static_cast<unsigned>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count()));
  const std::string server = host + ":" + port;
  const int result = repeat(
      [&] {
        const int step = gnutls_handshake(session);
        // Non-fatal alerts, for example about the name, are not errors.
        return step < 0 && gnutls_error_is_fatal(step) == 0 ? int{GNUTLS_E_AGAIN} : step;
      },
      patience);
  if (result == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) {
    const std::string hint = trust_.hint.empty() ? "" : "; " + trust_.hint;
    return Error{"", "the certificate of " + server + " is not trusted: " +
                         whyNotTrusted(gnutls_session_get_verify_cert_status(session), host) + hint};
  }
  if (result < 0) {
    return Error{"", "the TLS handshake with " + server + " failed: " + whyNoHandshake(session, result)};
  }
  impl->established = true;
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

ptrdiff_t TlsSession::read(std::span<char> into, Duration patience) {
  return repeat([&] { return gnutls_record_recv(impl_->raw, into.data(), into.size()); }, patience);
}

ptrdiff_t TlsSession::write(std::span<const char> from, Duration patience) {
  return repeat([&] { return gnutls_record_send(impl_->raw, from.data(), from.size()); }, patience);
}

}  // namespace sluice::http
