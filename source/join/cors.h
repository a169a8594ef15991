// Allows pages of other origins to use the join API (Fetch standard, section 3.2 "CORS protocol").
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

  // Adds the headers that let the page that sent `request` read the response. In the response to a preflight,
  // also adds those that list what the page may send; the methods are those of the response's Allow.
  void finish(const http::Request& request, http::Response& response) const;

 private:
  bool allows(std::string_view origin) const;

  std::vector<std::string> origins_;
  bool any_;
};

}  // namespace sluice::join
