// HTTP requests and responses as plain values, so that handlers can be tested without a socket.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/result.h"

namespace sluice::http {

class EventStream;

struct Request {
  std::string method;                                     // upper case
  std::string path;                                       // as sent, percent-encoded, without the query
  std::map<std::string, std::string, std::less<>> query;  // decoded
  std::map<std::string, std::string, std::less<>>
      headers;  // names in lower case; repeated ones joined by ", "
  std::string body;
  std::string peer;  // the client's IP address without a port; behind a trusted proxy, its client's
  bool is_loopback = false;

  // Empty when absent.
  std::string_view header(std::string_view lower_case_name) const;
  std::string_view queryParameter(std::string_view name) const;

  // The media type of the body in lower case, without parameters.
  std::string contentType() const;
};

struct Response {
  int status = 200;
  std::string content_type{};  // empty: no such header
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::shared_ptr<EventStream> events{};             // instead of a body
  std::shared_ptr<const std::string> shared_body{};  // instead of a body; for content sent to many clients
};

// Responds with 200 and the events of `stream`.
Response events(std::shared_ptr<EventStream> stream);
Response text(int status, std::string body);
// Indents by `indent` spaces per level; -1: all on one line.
Response json(int status, const nlohmann::json& body, int indent = -1);

// {"error": message, "field": field}; without "field" if it is empty.
Response error(int status, std::string_view message, std::string_view field = "");

// {"error": message, "errors": [{"field": path, "error": message}, ...]}; at most the first 20, and how many
// more there are.
Response errors(int status, std::string_view message, const Errors& errors, int indent = -1);

// The token of an Authorization header (RFC 6750 section 2.1); nothing if it has another scheme.
std::optional<std::string_view> bearerToken(std::string_view authorization);

// Converts only A to Z.
std::string lowerCase(std::string_view text);

// Nothing if `text` has a broken escape or an escaped NUL.
std::optional<std::string> percentDecode(std::string_view text);
// Everything but letters, digits and "-._~/" (RFC 3986 section 2.3) becomes %XX.
std::string percentEncode(std::string_view text);

}  // namespace sluice::http
