// A small blocking HTTP client. Plain HTTP only.
#pragma once

#include <memory>
#include <string>

#include "source/base/result.h"

namespace sluice::http {

struct ClientResponse {
  int status = 0;
  std::string body;
  std::string location;
};

class Client {
 public:
  // "http://host:port". Errors have no path. An empty `token` sends no Authorization.
  static Result<std::unique_ptr<Client>> make(const std::string& url, std::string token = {});
  ~Client();

  // An empty `content_type` sends no body. Errors say what went wrong on the way; a status is not an error.
  Result<ClientResponse> request(const std::string& method, const std::string& target,
                                 const std::string& content_type = {}, const std::string& body = {});

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
