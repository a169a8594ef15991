// A small blocking HTTP client for the join API. Plain HTTP only.
#pragma once

#include <memory>
#include <string>

#include "source/base/result.h"

namespace sluice::load {

struct HttpResponse {
  int status = 0;
  std::string body;
  std::string location;
};

class HttpClient {
 public:
  // "http://host:port", as --join takes it.
  static Result<std::unique_ptr<HttpClient>> make(const std::string& url, std::string token);
  ~HttpClient();

  // An empty `content_type` sends no body. Errors say what went wrong on the way; a status is not an error.
  Result<HttpResponse> request(const std::string& method, const std::string& target,
                               const std::string& content_type = {}, const std::string& body = {});

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::load
