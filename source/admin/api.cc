#include "source/admin/api.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>

#include "source/base/bytes.h"
#include "source/base/log.h"

namespace sluice::admin {
namespace {

constexpr size_t kDefaultSessions = 1000;
constexpr size_t kMaxSessions = 100'000;

constexpr int kIndent = 2;

struct Endpoint {
  const char* method;
  const char* target;  // with a query that shows its options
  const char* help;
};
// The endpoints that the page lists; every route is here.
constexpr Endpoint kEndpoints[] = {
    {"GET", "/ready", "200 when serving, 503 while draining"},
    {"GET", "/live", "200 while the process runs"},
    {"GET", "/server_info", "version, uptime, workers, generation"},
    {"GET", "/config_dump", "the running configuration, without secrets"},
    {"GET", "/listeners", "listeners, their addresses and chains"},
    {"GET", "/sessions?limit=1000",
     "sessions with their addresses and filters; also by player=, room=, chain=, listener= and client="},
    {"GET", "/stats", "metrics as text; with ?all=1 also zeros"},
    {"GET", "/metrics", "metrics for Prometheus"},
    {"POST", "/reload", "reads the configuration file again and applies it"},
    {"POST", "/reload?dry_run=1",
     "reports what a reload would do and changes nothing; also for a configuration in the body"},
    {"POST", "/drain", "accepts no new sessions, and /ready returns 503; cannot be undone"},
    {"POST", "/drain?exit=1", "the same, then exits as on SIGTERM"},
    {"POST", "/logging?level=debug", "sets the log level: trace, debug, info, warn, error or off"},
};

// Public paths reveal nothing that needs a token; probes and browsers request them without one.
bool isPublic(std::string_view path) {
  return path == "/" || path == "/ready" || path == "/live";
}

std::string curl(const Endpoint& endpoint, std::string_view host, bool has_token) {
  std::string line = "curl ";
  if (std::string_view(endpoint.method) != "GET") line += "-X " + std::string(endpoint.method) + " ";
  if (has_token && !isPublic(endpoint.target)) line += "-H \"Authorization: Bearer $TOKEN\" ";
  return line + "'http://" + std::string(host) + endpoint.target + "'";
}

// `host` has passed HostNames, so it contains no HTML special characters.
http::Response page(std::string_view host, bool has_token) {
  std::string html =
      "<!doctype html><html lang=en><meta charset=utf-8>"
      "<meta name=viewport content=\"width=device-width, initial-scale=1\"><title>Sluice admin</title>"
      "<style>body{font:16px system-ui;margin:1rem auto;max-width:50rem;padding:0 1rem}"
      "pre{background:#eee;color:#111;padding:.5rem;overflow-x:auto}</style>"
      "<h1>Sluice admin</h1><ul>\n";
  for (const Endpoint& endpoint : kEndpoints) {
    const std::string name = std::string(endpoint.method) + " " + endpoint.target;
    const bool readable = std::string_view(endpoint.method) == "GET";
    html += "<li>" + (readable ? "<a href=\"" + std::string(endpoint.target) + "\">" + name + "</a>" : name) +
            ": " + endpoint.help + "<pre>" + curl(endpoint, host, has_token) + "</pre>\n";
  }
  return {200, "text/html; charset=utf-8", html + "</ul></html>\n"};
}

http::Response json(int status, const nlohmann::json& body) {
  return http::json(status, body, kIndent);
}

http::Response sessions(const Backend& backend, const http::Request& request) {
  static constexpr std::string_view kParameters[] = {"limit", "player",   "room",
                                                     "chain", "listener", "client"};
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(kParameters, name) != std::end(kParameters)) continue;
    std::string known;
    for (const std::string_view parameter : kParameters)
      known += (known.empty() ? "" : ", ") + std::string(parameter);
    return http::error(400, "unknown parameter; known: " + known, name);
  }
  const auto parameter = [&](const char* name) { return std::string(request.queryParameter(name)); };
  size_t limit = kDefaultSessions;
  const std::string_view text = request.queryParameter("limit");
  if (!text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc{} || end != text.data() + text.size() || limit > kMaxSessions) {
      return http::error(400, "must be 0 to " + std::to_string(kMaxSessions), "limit");
    }
  }
  net::Address client;
  if (const std::string given = parameter("client"); !given.empty()) {
    auto parsed = net::Address::parseIp(given);
    if (!parsed.ok()) parsed = net::Address::parse(given);
    if (!parsed.ok()) return http::error(400, "must be an IP address, alone or with a port", "client");
    client = *parsed;
  }
  return json(200, backend.sessions({.limit = limit,
                                     .player = parameter("player"),
                                     .room = parameter("room"),
                                     .chain = parameter("chain"),
                                     .listener = parameter("listener"),
                                     .client = client}));
}

http::Response refusal(const char* what, const Errors& errors) {
  return http::errors(400, what, errors, kIndent);
}

http::Response reload(const Backend& backend, Operations& operations, const http::Request& request) {
  const std::string_view dry_run = request.queryParameter("dry_run");
  if (!dry_run.empty() && dry_run != "0" && dry_run != "1")
    return http::error(400, "must be 0 or 1", "dry_run");
  if (dry_run == "1") {
    const std::string directory(request.queryParameter("directory"));
    if (!directory.empty() && !directory.starts_with('/')) {
      return http::error(400, "must be an absolute path", "directory");
    }
    const auto plan = backend.plan({.text = request.body,
                                    .is_json = request.contentType() == "application/json",
                                    .directory = directory});
    if (!plan.ok()) return refusal("the configuration would be refused", plan.errors());
    return json(200, *plan);
  }
  if (!request.body.empty())
    return http::error(400, "a body is allowed only with ?dry_run=1; a reload reads the file");
  const Status status = operations.reload();
  if (status.ok()) return json(200, {{"status", "reloaded"}});
  return refusal("the configuration was refused; the old one stays in use", status.errors());
}

http::Response setLevel(const http::Request& request) {
  const std::string_view level = request.queryParameter("level");
  if (level.empty()) return http::error(400, "is required: trace, debug, info, warn, error or off", "level");
  if (!log::setLevel(level))
    return http::error(400, "must be trace, debug, info, warn, error or off", "level");
  return json(200, {{"level", log::level()}});
}

}  // namespace

Api::Api(const Backend& backend, Operations& operations) {
  using http::Parameters;
  using http::Request;
  const auto get = [&](const char* path, auto handler) {
    router_.add("GET", path,
                [handler](const Request& request, const Parameters&) { return handler(request); });
  };
  const auto post = [&](const char* path, auto handler, http::Router::Check check = {}) {
    router_.add(
        "POST", path, [handler](const Request& request, const Parameters&) { return handler(request); },
        std::move(check));
  };
  get("/", [this](const Request& request) {
    const std::string_view host = request.header("host");
    return page(host.empty() ? "127.0.0.1" : host, !access_.token.empty());
  });
  get("/ready", [&backend](const Request&) {
    return backend.draining() ? http::text(503, "draining\n") : http::text(200, "ready\n");
  });
  get("/live", [](const Request&) { return http::text(200, "live\n"); });
  get("/server_info", [&backend](const Request&) { return json(200, backend.serverInfo()); });
  get("/config_dump", [&backend](const Request&) { return json(200, backend.configDump()); });
  get("/listeners", [&backend](const Request&) { return json(200, backend.listeners()); });
  get("/sessions", [&backend](const Request& request) { return sessions(backend, request); });
  get("/stats", [&backend](const Request& request) {
    stats::Samples samples;
    backend.collect(samples);
    return http::text(200, samples.toText(!request.queryParameter("all").empty()));
  });
  get("/metrics", [&backend](const Request&) {
    stats::Samples samples;
    backend.collect(samples);
    return http::Response{200, "text/plain; version=0.0.4; charset=utf-8", samples.toPrometheus()};
  });
  // A request body is the configuration of a dry run.
  post(
      "/reload",
      [&backend, &operations](const Request& request) { return reload(backend, operations, request); },
      [](const Request&, const Parameters&) -> std::optional<http::Response> { return std::nullopt; });
  post("/drain", [&operations](const Request& request) {
    operations.drain(request.queryParameter("exit") == "1");
    return json(200, {{"status", "draining"}});
  });
  post("/logging", [](const Request& request) { return setLevel(request); });
}

// A web page open on this machine must not read from or operate the proxy. Pages of other sites send an
// Origin with requests that need permission, and their own Host if their name was made to resolve to this
// server.
std::optional<http::Response> Api::checkAccess(const http::Request& request) const {
  if (!request.header("origin").empty())
    return http::error(403, "requests from web pages are not allowed", "Origin");
  if (!access_.hosts.contains(request.header("host"))) {
    return http::error(403, "is not a name of this endpoint; see admin.allowed_hosts", "Host");
  }
  if (access_.token.empty() || isPublic(request.path)) return std::nullopt;
  const auto token = http::bearerToken(request.header("authorization"));
  if (token && constantTimeEqual(asBytes(*token), asBytes(access_.token))) return std::nullopt;
  http::Response response =
      http::error(401, token ? "the token is wrong" : "a bearer token is required", "authorization");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

http::Response Api::handle(const http::Request& request) const {
  if (auto refused = checkAccess(request)) return *std::move(refused);
  return router_.handle(request);
}

std::optional<http::Response> Api::refuse(const http::Request& request) const {
  if (auto refused = checkAccess(request)) return refused;
  return router_.refuse(request);
}

}  // namespace sluice::admin
