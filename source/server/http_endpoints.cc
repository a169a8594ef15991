#include "source/server/http_endpoints.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "source/base/log.h"

namespace sluice::server {
namespace {

// Every player may subscribe to events, and many may share one NAT.
constexpr unsigned kJoinConnections = 25'000;

// Half of the process's descriptors are kept for TURN relays, upstreams, listeners and the admin endpoint.
unsigned joinConnections() {
  rlimit descriptors;
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return kJoinConnections;
  return static_cast<unsigned>(std::min<rlim_t>(kJoinConnections, descriptors.rlim_cur / 2));
}

std::optional<Endpoint::EndpointSpec> adminSpec(const config::Settings& settings) {
  if (!settings.admin) return std::nullopt;
  Endpoint::EndpointSpec spec;
  spec.options.host = settings.admin->address.ipString();
  spec.options.port = settings.admin->address.port();
  return spec;
}

std::optional<Endpoint::EndpointSpec> joinSpec(const config::Settings& settings) {
  if (!settings.join) return std::nullopt;
  const config::JoinSettings& join = *settings.join;
  Endpoint::EndpointSpec spec;
  spec.tls = join.tls_content;
  http::Options& options = spec.options;
  options.host = join.address.ipString();
  options.port = join.address.port();
  options.certificate_file = join.tls_certificate_file;
  options.private_key_file = join.tls_private_key_file;
  options.max_body_bytes = join.max_offer_bytes;
  spec.limits = {.connections = joinConnections(),
                 .connections_per_source = join.max_connections_per_source,
                 .requests_per_second = join.max_requests_per_second,
                 .request_burst = 2 * join.max_requests_per_second,
                 .handshakes_per_second = join.max_tls_handshakes_per_second,
                 .trusted_proxies = join.trusted_proxies};
  return spec;
}

// Adds the errors of a server that could not start. `section`: its part of the configuration.
void addErrors(const Result<std::unique_ptr<http::Server>>& server, const std::string& section, Errors& out) {
  if (server.ok()) return;
  for (const Error& e : server.errors()) {
    const bool tls = e.path.ends_with("_file");
    out.push_back({section + (tls ? ".tls_" + e.path : ".address"), e.message});
  }
}

}  // namespace

HttpEndpoints::HttpEndpoints(const Context& context)
    : context_(context),
      admin_api_(context.backend, context.operations),
      admin_(context.loop, "admin", adminHandlers()),
      join_(context.loop, "join API", joinHandlers()) {}

HttpEndpoints::Sockets HttpEndpoints::sockets() const {
  const auto of = [](const Endpoint& endpoint) {
    return endpoint.server() == nullptr ? -1 : endpoint.server()->descriptor();
  };
  return {of(admin_), of(join_)};
}

Status HttpEndpoints::prepare(const config::Settings& next) {
  const Sockets inherited = std::exchange(inherited_, {});
  Prepared fresh{adminSpec(next), joinSpec(next), nullptr, nullptr};
  auto admin = admin_.prepare(fresh.admin_spec, inherited.admin);
  auto join = join_.prepare(fresh.join_spec, inherited.join);
  Errors errors;
  addErrors(admin, "admin", errors);
  addErrors(join, "join", errors);
  if (!errors.empty()) return errors;
  fresh.admin = *std::move(admin);
  fresh.join = *std::move(join);
  prepared_ = std::move(fresh);
  return Done{};
}

void HttpEndpoints::commit(const reload::Running& running) {
  configureAdmin(running.settings);
  configureJoin(running);
  logAddresses(running.settings);
  admin_.commit(std::move(prepared_->admin_spec), std::move(prepared_->admin));
  join_.commit(std::move(prepared_->join_spec), std::move(prepared_->join));
  prepared_.reset();
}

void HttpEndpoints::configureAdmin(const config::Settings& settings) {
  if (!settings.admin) return;
  const config::AdminSettings& admin = *settings.admin;
  admin_api_.configure({.token = admin.token, .hosts = http::HostNames(admin.allowed_hosts)});
  warnOfOpenAdmin(settings);
}

void HttpEndpoints::warnOfOpenAdmin(const config::Settings& settings) {
  if (!settings.admin || !settings.admin->token.empty() || settings.admin->address.isLoopback()) return;
  log::warn(
      "admin.address {} is not a loopback address and admin.token is not set: anyone who reaches it can "
      "operate the proxy",
      settings.admin->address.toString());
}

void HttpEndpoints::configureJoin(const reload::Running& running) {
  if (!running.settings.join) return;
  const config::JoinSettings& join = *running.settings.join;
  join::Options options;
  options.token_secrets = join.token_secrets;
  options.page_directory = join.page_directory;
  options.turn_uris = join.turn_uris;
  options.credentials = running.settings.credentials;
  options.repair = running.generation->repair;
  options.hosts = http::HostNames(join.allowed_hosts);
  options.allowed_origins = join.allowed_origins;
  for (const net::Address& candidate : join.candidates) {
    options.candidates.push_back({candidate.ipString(), candidate.port()});
  }
  if (join_api_ != nullptr) return join_api_->configure(std::move(options));
  join_api_ =
      std::make_unique<join::Api>(context_.rooms, context_.clock, context_.certificate, std::move(options));
  if (draining_) join_api_->drain(std::nullopt);
}

void HttpEndpoints::logAddresses(const config::Settings& settings) const {
  const Prepared& fresh = *prepared_;
  if (fresh.admin != nullptr) {
    log::info("admin on http://{}", settings.admin->address.withPort(fresh.admin->port()).toString());
  }
  if (fresh.join == nullptr) return;
  log::info("join API on {}://{}", settings.join->tls_content.empty() ? "http" : "https",
            settings.join->address.withPort(fresh.join->port()).toString());
  if (const unsigned most = fresh.join_spec->limits.connections; most < kJoinConnections) {
    log::info("join API: at most {} connections instead of {}: half of what RLIMIT_NOFILE allows", most,
              kJoinConnections);
  }
}

http::Response HttpEndpoints::unlessHandedOver(const std::function<http::Response()>& respond) const {
  if (!handed_over_) return respond();
  http::Response response = http::error(503, "another process has taken over: connect again");
  response.headers.emplace_back("Connection", "close");
  return response;
}

http::Handlers HttpEndpoints::adminHandlers() {
  return {.handle =
              [this](const http::Request& request) {
                return unlessHandedOver([&] { return admin_api_.handle(request); });
              },
          .refuse = [this](const http::Request& request) { return admin_api_.refuse(request); }};
}

http::Handlers HttpEndpoints::joinHandlers() {
  return {.handle =
              [this](const http::Request& request) {
                return unlessHandedOver([&] { return join_api_->handle(request); });
              },
          .refuse = [this](const http::Request& request) { return join_api_->refuse(request); },
          .cost = join::Api::costOf,
          .finish = [this](const http::Request& request,
                           http::Response& out) { join_api_->finish(request, out); }};
}

void HttpEndpoints::drain(std::optional<Duration> limit) {
  draining_ = true;
  if (join_api_ != nullptr) join_api_->drain(limit);
}

void HttpEndpoints::handOver() {
  handed_over_ = true;
  if (admin_.server() != nullptr) admin_.server()->leaveSocket();
  if (join_.server() != nullptr) join_.server()->leaveSocket();
}

void HttpEndpoints::publishRooms() {
  if (join_api_ != nullptr) join_api_->publishRooms();
}

void HttpEndpoints::sweep() {
  admin_.sweep();
  join_.sweep();
}

void HttpEndpoints::stop() {
  admin_.stop();
  join_.stop();
}

void HttpEndpoints::collect(stats::Samples& out) const {
  const auto collect = [&](const char* name, const http::Admission& admission) {
    out.gauge("sluice_http_connections", "Open HTTP connections, by endpoint.", {{"endpoint", name}},
              static_cast<double>(admission.connections()));
    out.gauge("sluice_http_bytes_in_flight",
              "Bytes of request bodies, responses and events that the endpoint holds for its clients.",
              {{"endpoint", name}}, static_cast<double>(admission.held()));
    for (size_t i = 0; i < http::Admission::kRefusals; ++i) {
      out.counter("sluice_http_refused_total",
                  "Connections and requests that a limit of the endpoint refused or ended, by the limit.",
                  {{"endpoint", name}, {"reason", http::Admission::kNames[i]}},
                  static_cast<double>(admission.count(static_cast<http::Admission::Refusal>(i))));
    }
  };
  collect("admin", admin_.admission());
  collect("join", join_.admission());
}

}  // namespace sluice::server
