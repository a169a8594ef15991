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

// The decoded values of a pattern's segments in braces.
using Parameters = std::map<std::string, std::string, std::less<>>;

class Router {
 public:
  using Handler = std::function<Response(const Request&, const Parameters&)>;
  // The response that refuses a request, or nothing.
  using Check = std::function<std::optional<Response>(const Request&, const Parameters&)>;

  // A pattern is a path whose segments may be "{name}", any one segment; the last may be "{name...}", the
  // rest of the path, which may be empty. The first added pattern that matches a path owns it, so add the
  // most general one last. A route with a `check` takes a body. The check needs only the headers; if it
  // refuses, the handler is not called.
  void add(std::string_view method, std::string_view pattern, Handler handler, Check check = {});

  // Valid as long as the router does not change.
  struct Listed {
    std::string_view method;
    std::string_view pattern;
    bool takes_body;
  };
  std::vector<Listed> routes() const;

  // Checks a request that has a body before the body arrives. Refuses as handle() does, and with 413 if the
  // route takes no body.
  std::optional<Response> refuse(const Request& request) const;

  // 404 for an unknown path, 405 with Allow for another method, 400 for broken escapes. HEAD uses GET's
  // handler (the server omits the body), and the response to OPTIONS is built from the table.
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
