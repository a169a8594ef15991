#include "source/admin/api.h"

#include <charconv>

#include "source/base/log.h"

namespace sluice::admin {
namespace {

constexpr size_t kDefaultSessions = 1000;
constexpr size_t kMaxSessions = 100'000;

struct Endpoint {
  const char* method;
  const char* path;
  const char* help;
};
// What the page lists; every route is here.
constexpr Endpoint kEndpoints[] = {
    {"GET", "/ready", "200 when serving, 503 while draining"},
    {"GET", "/live", "200 while the process runs"},
    {"GET", "/server_info", "version, uptime, workers, generation"},
    {"GET", "/config_dump", "the configuration that runs, without secrets"},
    {"GET", "/listeners", "listeners, their addresses and chains"},
    {"GET", "/sessions", "sessions with their addresses and filters; ?limit=N"},
    {"GET", "/stats", "metrics as text; ?all=1 shows zeros too"},
    {"GET", "/metrics", "metrics for Prometheus"},
    {"POST", "/reload",
     "reads the configuration file anew; ?dry_run=1 only says what that would do, also to one in the body"},
    {"POST", "/drain", "takes no new sessions; /ready answers 503; with ?exit=1 ends as by SIGTERM"},
    {"POST", "/logging?level=L", "sets the log level: trace debug info warn error off"},
};

http::Response page() {
  std::string html =
      "<!doctype html><html lang=en><meta charset=utf-8><title>Sluice</title>"
      "<style>body{font:16px system-ui;margin:2rem;max-width:50rem}td{padding:.3rem 1rem .3rem 0}</style>"
      "<h1>Sluice</h1><table>";
  for (const Endpoint& endpoint : kEndpoints) {
    const std::string path = endpoint.path;
    const bool readable = std::string_view(endpoint.method) == "GET";
    html += "<tr><td>" + std::string(endpoint.method) + "<td>" +
            (readable ? "<a href=\"" + path + "\">" + path + "</a>" : path) + "<td>" + endpoint.help;
  }
  return {200, "text/html; charset=utf-8", html + "</table></html>"};
}

http::Response sessions(Backend& backend, const http::Request& request) {
  size_t limit = kDefaultSessions;
  const std::string_view text = request.queryParameter("limit");
  if (!text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc{} || end != text.data() + text.size() || limit > kMaxSessions) {
      return http::error(400, "must be 0 to " + std::to_string(kMaxSessions), "limit");
    }
  }
  return http::json(200, backend.sessions(limit));
}

http::Response refusal(const char* what, const Errors& errors) {
  nlohmann::json body{{"error", what}};
  for (const Error& error : errors)
    body["errors"].push_back({{"field", error.path}, {"error", error.message}});
  return http::json(400, body);
}

http::Response reload(Backend& backend, const http::Request& request) {
  const std::string_view dry_run = request.queryParameter("dry_run");
  if (!dry_run.empty() && dry_run != "0" && dry_run != "1")
    return http::error(400, "must be 0 or 1", "dry_run");
  if (dry_run == "1") {
    const auto plan = backend.plan(request.body, request.contentType() == "application/json");
    if (!plan.ok()) return refusal("the configuration would be refused", plan.errors());
    return http::json(200, *plan);
  }
  if (!request.body.empty()) return http::error(400, "a body is for ?dry_run=1; a reload reads the file");
  const Status status = backend.reload();
  if (status.ok()) return http::json(200, {{"status", "reloaded"}});
  return refusal("the configuration was refused; the old one runs on", status.errors());
}

http::Response setLevel(const http::Request& request) {
  const std::string_view level = request.queryParameter("level");
  if (level.empty()) return http::error(400, "is required: trace, debug, info, warn, error or off", "level");
  if (!log::setLevel(level))
    return http::error(400, "must be trace, debug, info, warn, error or off", "level");
  return http::json(200, {{"level", log::level()}});
}

}  // namespace

http::Router makeRouter(Backend& backend) {
  http::Router router;
  using http::Parameters;
  using http::Request;
  const auto get = [&](const char* path, auto handler) {
    router.add("GET", path,
               [handler](const Request& request, const Parameters&) { return handler(request); });
  };
  const auto post = [&](const char* path, auto handler) {
    router.add("POST", path, [handler](const Request& request, const Parameters&) {
      // A web page that someone on this machine looks at may not operate the proxy.
      if (!request.header("origin").empty()) return http::error(403, "not from a web page", "Origin");
      return handler(request);
    });
  };
  get("/", [](const Request&) { return page(); });
  get("/ready", [&backend](const Request&) {
    return backend.draining() ? http::text(503, "draining\n") : http::text(200, "ready\n");
  });
  get("/live", [](const Request&) { return http::text(200, "live\n"); });
  get("/server_info", [&backend](const Request&) { return http::json(200, backend.serverInfo()); });
  get("/config_dump", [&backend](const Request&) { return http::json(200, backend.configDump()); });
  get("/listeners", [&backend](const Request&) { return http::json(200, backend.listeners()); });
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
  post("/reload", [&backend](const Request& request) { return reload(backend, request); });
  post("/drain", [&backend](const Request& request) {
    backend.drain(request.queryParameter("exit") == "1");
    return http::json(200, {{"status", "draining"}});
  });
  post("/logging", [](const Request& request) { return setLevel(request); });
  return router;
}

}  // namespace sluice::admin
