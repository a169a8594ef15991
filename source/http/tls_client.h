// The client side of TLS, which verifies the server's identity.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "source/base/clock.h"
#include "source/base/result.h"

namespace sluice::http {

// The rules by which a client verifies a server.
struct TlsTrust {
  std::string ca_file{};  // PEM; replaces the system's CAs. Empty: the system's CAs
  bool insecure = false;  // accepts every certificate
  std::string hint{};     // appended to the error about an untrusted certificate: advice for the user
};

class TlsSession;

class TlsClient {
 public:
  // The error's path is "ca_file".
  static Result<std::unique_ptr<TlsClient>> make(TlsTrust trust);
  ~TlsClient();

  // TLS 1.2 or 1.3 over a connected TCP socket, which outlives the session and is not closed by it. `host` is
  // the name or IP address that the certificate must have. Errors have no path and name host and port.
  Result<std::unique_ptr<TlsSession>> handshake(int socket, const std::string& host, const std::string& port,
                                                Duration patience) const;

 private:
  struct Credentials;
  TlsClient(TlsTrust trust, std::unique_ptr<Credentials> credentials);
  const TlsTrust trust_;
  const std::unique_ptr<Credentials> credentials_;
};

// Blocking. The TlsClient outlives it.
class TlsSession {
 public:
  ~TlsSession();

  // Number of bytes transferred, at least 1; 0: the server closed the session (read only); negative: GnuTLS's
  // error code, GNUTLS_E_TIMEDOUT after `patience`.
  ptrdiff_t read(std::span<char> into, Duration patience);
  ptrdiff_t write(std::span<const char> from, Duration patience);

 private:
  friend class TlsClient;
  struct Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
