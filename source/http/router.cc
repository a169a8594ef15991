#include "source/http/router.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::http {
namespace {

// The segments of "/a/b" are "a" and "b"; those of "/" and "/a/" end with an empty one.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (size_t slash; (slash = path.find('/')) != path.npos; path.remove_prefix(slash + 1)) {
    segments.push_back(path.substr(0, slash));
  }
  segments.push_back(path);
  return segments;
}

bool isParameter(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}
bool isRest(std::string_view segment) {
  return isParameter(segment) && segment.ends_with("...}");
}

// The raw values of the parameters, or nothing if the path does not match.
std::optional<Parameters> match(const std::vector<std::string>& pattern, std::string_view path) {
  const std::vector<std::string_view> segments = split(path);
  Parameters parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view expected = pattern[i];
    if (i >= segments.size()) return std::nullopt;
    if (isRest(expected)) {
      const auto rest = path.substr(static_cast<size_t>(segments[i].data() - path.data()));
      parameters.emplace(expected.substr(1, expected.size() - 5), rest);
      return parameters;
    }
    if (isParameter(expected)) {
      parameters.emplace(expected.substr(1, expected.size() - 2), segments[i]);
    } else if (segments[i] != expected) {
      return std::nullopt;
    }
  }
  if (segments.size() != pattern.size()) return std::nullopt;
  return parameters;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler, Check check) {
  auto route = std::ranges::find(routes_, pattern, &Route::pattern);
  if (route == routes_.end()) {
    std::vector<std::string> segments;
    for (const std::string_view segment : split(pattern)) segments.emplace_back(segment);
    route = routes_.insert(routes_.end(), {std::string(pattern), std::move(segments), {}});
  }
  route->by_method.insert_or_assign(std::string(method), Route::Method{std::move(handler), std::move(check)});
}

std::vector<Router::Listed> Router::routes() const {
  std::vector<Listed> all;
  for (const Route& route : routes_) {
    for (const auto& [method, target] : route.by_method)
      all.push_back({method, route.pattern, target.check != nullptr});
  }
  return all;
}

std::variant<Router::Found, Response> Router::find(const Request& request) const {
  for (const Route& route : routes_) {
    std::optional<Parameters> parameters = match(route.segments, request.path);
    if (!parameters) continue;
    for (auto& [name, value] : *parameters) {
      std::optional<std::string> decoded = percentDecode(value);
      if (!decoded) return error(400, "invalid percent-encoding in the path", name);
      value = *std::move(decoded);
    }

    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    const auto found = route.by_method.find(method);
    if (found != route.by_method.end()) return Found{found->second, *std::move(parameters)};

    std::string allow = "OPTIONS";
    for (const auto& [allowed, unused] : route.by_method)
      allow += (allowed == "GET" ? ", GET, HEAD" : ", " + allowed);
    Response response =
        method == "OPTIONS" ? Response{.status = 204} : error(405, "method not allowed: " + request.method);
    response.headers.emplace_back("Allow", allow);
    return response;
  }
  return error(404, "no such resource: " + request.path);
}

std::optional<Response> Router::refuse(const Request& request) const {
  auto result = find(request);
  if (auto* refusal = std::get_if<Response>(&result)) return std::move(*refusal);
  const auto& [method, parameters] = std::get<Found>(result);
  if (!method.check) return error(413, "a body is not allowed: " + request.method + " " + request.path);
  return method.check(request, parameters);
}

Response Router::handle(const Request& request) const {
  auto result = find(request);
  if (auto* refusal = std::get_if<Response>(&result)) return std::move(*refusal);
  const auto& [method, parameters] = std::get<Found>(result);
  if (method.check) {
    if (auto refused = method.check(request, parameters)) return *std::move(refused);
  }
  return method.handler(request, parameters);
}

}  // namespace sluice::http
