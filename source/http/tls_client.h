// TLS as a client: checks that the server is who the address says.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "source/base/clock.h"
#include "source/base/result.h"

namespace sluice::http {

// Whom a client believes.
struct TlsTrust {
  std::string ca_file{};  // PEM; in place of the system's CAs. Empty: the system's
  bool insecure = false;  // believes everyone
  std::string hint{};     // ends the error about a certificate that is not trusted: what a user can do
};

class TlsSession;

class TlsClient {
 public:
  // The error's path is "ca_file".
  static Result<std::unique_ptr<TlsClient>> make(TlsTrust trust);
  ~TlsClient();

  // TLS 1.2 or 1.3 over a connected TCP socket, which outlives the session and is not closed by it. `host` is
  // the name or the IP address that the certificate must have. Errors have no path and say host and port.
  Result<std::unique_ptr<TlsSession>> handshake(int socket, const std::string& host, const std::string& port,
                                                Duration patience) const;

 private:
  struct Credentials;
  TlsClient(TlsTrust trust, std::unique_ptr<Credentials> credentials);
  const TlsTrust trust_;
  const std::unique_ptr<Credentials> credentials_;
};

// Blocking. The client outlives it.
class TlsSession {
 public:
  ~TlsSession();

  // Bytes moved, at least 1; 0: the server said that it is done (read only); negative: GnuTLS's error code,
  // GNUTLS_E_TIMEDOUT after `patience`.
  ptrdiff_t read(std::span<char> into, Duration patience);
  ptrdiff_t write(std::span<const char> from, Duration patience);

 private:
  friend class TlsClient;
  struct Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
