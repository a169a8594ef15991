#include "source/http/message.h"

#include <nlohmann/json.hpp>

namespace sluice::http {
namespace {

template <typename Map>
std::string_view valueOf(const Map& map, std::string_view name) {
  const auto it = map.find(name);
  return it == map.end() ? std::string_view() : std::string_view(it->second);
}

int hexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view Request::header(std::string_view lower_case_name) const {
  return valueOf(headers, lower_case_name);
}

std::string_view Request::queryParameter(std::string_view name) const {
  return valueOf(query, name);
}

std::string Request::contentType() const {
  std::string_view value = header("content-type");
  value = value.substr(0, value.find(';'));
  std::string type = lowerCase(value);
  std::erase_if(type, [](char c) { return c == ' ' || c == '\t'; });
  return type;
}

Response events(std::shared_ptr<EventStream> stream) {
  return {.status = 200,
          .content_type = "text/event-stream",
          .body = {},
          .headers = {{"X-Accel-Buffering", "no"}},  // otherwise proxies hold events back
          .events = std::move(stream)};
}

Response text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

Response json(int status, const nlohmann::json& body, int indent) {
  // Text from a client may be invalid UTF-8.
  std::string dumped = body.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
  return {.status = status, .content_type = "application/json", .body = std::move(dumped) + "\n"};
}

Response error(int status, std::string_view message, std::string_view field) {
  nlohmann::json body = {{"error", message}};
  if (!field.empty()) body["field"] = field;
  return json(status, body);
}

Response errors(int status, std::string_view message, const Errors& errors, int indent) {
  nlohmann::json body{{"error", message}};
  const size_t shown = std::min<size_t>(errors.size(), 20);
  for (size_t i = 0; i < shown; ++i) {
    body["errors"].push_back({{"field", errors[i].path}, {"error", errors[i].message}});
  }
  if (shown < errors.size()) body["more_errors"] = errors.size() - shown;
  return json(status, body, indent);
}

std::optional<std::string_view> bearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (lowerCase(authorization.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  return authorization.substr(kScheme.size());
}

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string percentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kMarks = "-._~/";
  std::string encoded;
  for (const char c : text) {
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const auto byte = static_cast<unsigned char>(c);
    if (letter || kMarks.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

std::optional<std::string> percentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hexValue(text[i + 1]), low = hexValue(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return decoded;
}

}  // namespace sluice::http
