// A small blocking HTTP client.
#pragma once

#include <memory>
#include <string>

#include "source/base/result.h"
#include "source/http/tls_client.h"

namespace sluice::http {

struct ClientResponse {
  int status = 0;
  std::string body;
  std::string location;
};

struct ClientOptions {
  std::string url;      // "http://host:port" or "https://host:port"; without a port 80 or 443
  std::string token{};  // bearer token for requests without their own; empty: no Authorization
  TlsTrust trust{};     // for https
};

class Client {
 public:
  // The error's path is empty if the URL is wrong, or "ca_file".
  static Result<std::unique_ptr<Client>> make(const ClientOptions& options);
  ~Client();

  // Opens the connection for the next request; optional. Errors have no path; they name host and port, and
  // what is wrong with the server's certificate.
  Status connect();

  // An empty `content_type` sends no body. Errors are transport failures; an HTTP status is not an error.
  Result<ClientResponse> request(const std::string& method, const std::string& target,
                                 const std::string& content_type = {}, const std::string& body = {},
                                 const std::string& token = {});

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
