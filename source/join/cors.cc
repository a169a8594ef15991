#include "source/join/cors.h"

#include <algorithm>
#include <utility>

namespace sluice::join {
namespace {

constexpr const char* kAllowedHeaders = "Authorization, Content-Type";
constexpr const char* kExposedHeaders = "Location, Retry-After, WWW-Authenticate";
constexpr const char* kMaxAge = "7200";  // seconds; Chromium caches a preflight no longer

bool isPreflight(const http::Request& request) {
  return request.method == "OPTIONS" && !request.header("access-control-request-method").empty();
}

}  // namespace

Cors::Cors(std::vector<std::string> origins)
    : origins_(std::move(origins)), any_(std::ranges::find(origins_, "*") != origins_.end()) {}

bool Cors::allows(std::string_view origin) const {
  return any_ || std::ranges::find(origins_, origin) != origins_.end();
}

void Cors::finish(const http::Request& request, http::Response& response) const {
  if (origins_.empty()) return;
  auto& headers = response.headers;
  if (!any_) headers.emplace_back("Vary", "Origin");  // caches must not reuse it for another origin
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !allows(origin)) return;
  headers.emplace_back("Access-Control-Allow-Origin", any_ ? "*" : origin);
  if (!isPreflight(request)) {
    headers.emplace_back("Access-Control-Expose-Headers", kExposedHeaders);
    return;
  }
  const auto allow = std::ranges::find(headers, "Allow", [](const auto& header) { return header.first; });
  if (allow != headers.end())
    headers.emplace_back("Access-Control-Allow-Methods", std::string(allow->second));
  headers.emplace_back("Access-Control-Allow-Headers", kAllowedHeaders);
  headers.emplace_back("Access-Control-Max-Age", kMaxAge);
}

}  // namespace sluice::join
