#include "source/admin/api.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>

#include "source/admin/dashboard.h"
#include "source/base/bytes.h"
#include "source/base/log.h"

namespace sluice::admin {
namespace {

constexpr size_t kDefaultSessions = 1000;
constexpr size_t kMaxSessions = 100'000;
constexpr size_t kDefaultRooms = 100;
constexpr size_t kMaxRooms = 1000;
constexpr size_t kDefaultPlayers = 200;
constexpr size_t kMaxPlayers = 1000;

constexpr int kIndent = 2;

struct Endpoint {
  const char* method;
  const char* target;  // with a query that shows its options
  const char* help;
};
// The endpoints that the help page lists; every route is here.
constexpr Endpoint kEndpoints[] = {
    {"GET", "/", "the dashboard"},
    {"GET", "/help", "this page"},
    {"GET", "/ready", "200 when serving, 503 while draining"},
    {"GET", "/live", "200 while the process runs"},
    {"GET", "/server_info", "version, uptime, workers, generation"},
    {"GET", "/config_dump", "the running configuration, without secrets"},
    {"GET", "/listeners", "listeners, their addresses and chains"},
    {"GET", "/sessions?limit=1000",
     "sessions with their addresses and filters; also by player=, room=, chain=, listener= and client="},
    {"GET", "/rooms?limit=100", "rooms with their players in numbers; those with lossy players first"},
    {"GET", "/rooms/ROOM?limit=200", "the players of a room: their lines, levels and packets"},
    {"GET", "/rooms/ROOM/matrix", "who hears whom by the rules, for at most 200 players"},
    {"GET", "/rooms/ROOM/explain?listener=A&speaker=B", "why A does not hear B; with &at=TIME, why not then"},
    {"GET", "/reloads", "the last reloads and their errors"},
    {"GET", "/stats", "metrics as text; with ?all=1 also zeros"},
    {"GET", "/metrics", "metrics for Prometheus"},
    {"POST", "/reload", "reads the configuration file again and applies it"},
    {"POST", "/reload?dry_run=1",
     "reports what a reload would do and changes nothing; also for a configuration in the body"},
    {"POST", "/drain", "accepts no new sessions, and /ready returns 503; cannot be undone"},
    {"POST", "/drain?exit=1", "the same, then exits as on SIGTERM"},
    {"POST", "/logging?level=debug", "sets the log level: trace, debug, info, warn, error or off"},
};

bool isDashboardFile(std::string_view path) {
  return path.starts_with("/dashboard/");
}

// Browsers send an Origin with requests for modules, also with those of the page that is from here.
bool isOwnOrigin(std::string_view origin, std::string_view host) {
  return origin == "http://" + std::string(host) || origin == "https://" + std::string(host);
}

// Public paths reveal nothing that needs a token; probes and browsers request them without one.
bool isPublic(std::string_view path) {
  return path == "/" || path == "/help" || path == "/ready" || path == "/live" || isDashboardFile(path);
}

std::string curl(const Endpoint& endpoint, std::string_view host, bool has_token) {
  std::string line = "curl ";
  if (std::string_view(endpoint.method) != "GET") line += "-X " + std::string(endpoint.method) + " ";
  if (has_token && !isPublic(endpoint.target)) line += "-H \"Authorization: Bearer $TOKEN\" ";
  return line + "'http://" + std::string(host) + endpoint.target + "'";
}

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    if (c == '&') {
      html += "&amp;";
    } else if (c == '<') {
      html += "&lt;";
    } else {
      html += c;
    }
  }
  return html;
}

// `host` has passed HostNames, so it contains no HTML special characters.
http::Response help(std::string_view host, bool has_token) {
  std::string html =
      "<!doctype html><html lang=en><meta charset=utf-8>"
      "<meta name=viewport content=\"width=device-width, initial-scale=1\"><title>Sluice admin</title>"
      "<style>body{font:16px system-ui;margin:1rem auto;max-width:50rem;padding:0 1rem}"
      "pre{background:#eee;color:#111;padding:.5rem;overflow-x:auto}</style>"
      "<h1>Sluice admin</h1><ul>\n";
  for (const Endpoint& endpoint : kEndpoints) {
    const std::string name = std::string(endpoint.method) + " " + endpoint.target;
    const bool readable = std::string_view(endpoint.method) == "GET";
    const std::string target = escaped(endpoint.target);
    html += "<li>" + (readable ? "<a href=\"" + target + "\">" + escaped(name) + "</a>" : escaped(name)) +
            ": " + escaped(endpoint.help) + "<pre>" + escaped(curl(endpoint, host, has_token)) + "</pre>\n";
  }
  return {200, "text/html; charset=utf-8", html + "</ul></html>\n"};
}

http::Response json(int status, const nlohmann::json& body) {
  return http::json(status, body, kIndent);
}

Result<size_t> limitOf(const http::Request& request, size_t standard, size_t most) {
  size_t limit = standard;
  const std::string_view text = request.queryParameter("limit");
  if (text.empty()) return limit;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || end != text.data() + text.size() || limit > most) {
    return Error{"limit", "must be 0 to " + std::to_string(most)};
  }
  return limit;
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
  const auto limit = limitOf(request, kDefaultSessions, kMaxSessions);
  if (!limit.ok()) return http::error(400, limit.error().message, limit.error().path);
  net::Address client;
  if (const std::string given = parameter("client"); !given.empty()) {
    auto parsed = net::Address::parseIp(given);
    if (!parsed.ok()) parsed = net::Address::parse(given);
    if (!parsed.ok()) return http::error(400, "must be an IP address, alone or with a port", "client");
    client = *parsed;
  }
  return json(200, backend.sessions({.limit = *limit,
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

Api::Api(const Backend& backend, const RoomSource& rooms, Operations& operations) {
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
  get("/", [](const Request&) { return dashboardFile("index.html"); });
  router_.add("GET", "/dashboard/{file}", [](const Request&, const Parameters& parameters) {
    return dashboardFile(parameters.at("file"));
  });
  get("/help", [this](const Request& request) {
    const std::string_view host = request.header("host");
    return help(host.empty() ? "127.0.0.1" : host, !access_.token.empty());
  });
  get("/ready", [&backend](const Request&) {
    return backend.draining() ? http::text(503, "draining\n") : http::text(200, "ready\n");
  });
  get("/live", [](const Request&) { return http::text(200, "live\n"); });
  get("/server_info", [&backend](const Request&) { return json(200, backend.serverInfo()); });
  get("/config_dump", [&backend](const Request&) { return json(200, backend.configDump()); });
  get("/listeners", [&backend](const Request&) { return json(200, backend.listeners()); });
  get("/sessions", [&backend](const Request& request) { return sessions(backend, request); });
  get("/reloads", [&backend](const Request&) { return json(200, backend.reloads()); });
  addRooms(rooms);
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

void Api::addRooms(const RoomSource& rooms) {
  using http::Parameters;
  using http::Request;
  router_.add("GET", "/rooms", [&rooms](const Request& request, const Parameters&) {
    const auto limit = limitOf(request, kDefaultRooms, kMaxRooms);
    if (!limit.ok()) return http::error(400, limit.error().message, limit.error().path);
    return json(200, rooms.rooms(*limit));
  });
  router_.add("GET", "/rooms/{room}", [&rooms](const Request& request, const Parameters& parameters) {
    const auto limit = limitOf(request, kDefaultPlayers, kMaxPlayers);
    if (!limit.ok()) return http::error(400, limit.error().message, limit.error().path);
    const auto room = rooms.room(parameters.at("room"), *limit);
    return room ? json(200, *room) : http::error(404, "there is no such room", "room");
  });
  router_.add("GET", "/rooms/{room}/matrix", [&rooms](const Request&, const Parameters& parameters) {
    return rooms.matrix(parameters.at("room"));
  });
  router_.add("GET", "/rooms/{room}/explain", [&rooms](const Request& request, const Parameters& parameters) {
    return rooms.explain(parameters.at("room"), request);
  });
}

// A web page open on this machine must not read from or operate the proxy. Pages of other sites send an
// Origin with requests that need permission, and their own Host if their name was made to resolve to this
// server.
std::optional<http::Response> Api::checkAccess(const http::Request& request) const {
  const std::string_view origin = request.header("origin"), host = request.header("host");
  if (!origin.empty() && !(isDashboardFile(request.path) && isOwnOrigin(origin, host)))
    return http::error(403, "requests from web pages are not allowed", "Origin");
  if (!access_.hosts.contains(host)) {
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
