// Finds the handler of a request by path and method.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "source/http/message.h"

namespace sluice::http {

// What the braces of a pattern matched, decoded.
using Parameters = std::map<std::string, std::string, std::less<>>;

class Router {
 public:
  using Handler = std::function<Response(const Request&, const Parameters&)>;
  // The answer that refuses a request, or nothing.
  using Check = std::function<std::optional<Response>(const Request&, const Parameters&)>;

  // A pattern is a path whose segments may be "{name}", any one segment; its last may be "{name...}", the
  // rest of the path, also an empty one. The first added pattern that matches a path owns it, so put the
  // general one last. A route with a `check` takes a body. The check needs the headers only, and the handler
  // is not called when it refuses.
  void add(std::string_view method, std::string_view pattern, Handler handler, Check check = {});

  // Judges a request that has a body before the body is there. As handle(), and 413 where no body is taken.
  std::optional<Response> refuse(const Request& request) const;

  // 404 for an unknown path, 405 with Allow for another method, 400 for broken escapes. HEAD is answered by
  // GET's handler (the server leaves the body out) and OPTIONS from the table.
  Response handle(const Request& request) const;

 private:
  struct Route {
    std::string pattern;
    std::vector<std::string> segments;
    struct Method {
      Handler handler;
      Check check;
    };
    std::map<std::string, Method, std::less<>> by_method;
  };
  struct Found {
    const Route::Method& method;
    Parameters parameters;
  };
  std::variant<Found, Response> find(const Request& request) const;

  std::vector<Route> routes_;
};

}  // namespace sluice::http
