// Which pages of other origins may use the join API (Fetch standard, section 3.2 "CORS protocol").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/http/message.h"

namespace sluice::join {

class Cors {
 public:
  // `origins` as browsers send them, such as "https://game.example"; "*" is every origin. Empty: none.
  explicit Cors(std::vector<std::string> origins = {});

  // Adds the headers that let the page that sent `request` read the response, and in the response to a
  // preflight those that say what it may send. The methods are those of the response's Allow.
  void finish(const http::Request& request, http::Response& response) const;

 private:
  bool allows(std::string_view origin) const;

  std::vector<std::string> origins_;
  bool any_;
};

}  // namespace sluice::join
