// Which pages of other origins may use the join API (Fetch standard, section 3.2 "CORS protocol").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/http/message.h"

namespace sluice::join {

class Cors {
 public:
  // `origins` as browsers send them, e.g. "https://game.example"; "*" is every origin. Empty: none.
  explicit Cors(std::vector<std::string> origins = {});

  // Adds what lets the page that sent `request` read the answer; to the answer to a preflight, what it may
  // send. The methods are those of the answer's Allow.
  void finish(const http::Request& request, http::Response& response) const;

 private:
  bool allows(std::string_view origin) const;

  std::vector<std::string> origins_;
  bool any_;
};

}  // namespace sluice::join
