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
  spec.tls = join.tls.content;
  http::Options& options = spec.options;
  options.host = join.address.ipString();
  options.port = join.address.port();
  options.certificate_file = join.tls.certificate_file;
  options.private_key_file = join.tls.private_key_file;
  options.max_body_bytes = join.max_offer_bytes;
  spec.limits = {.connections = joinConnections(),
                 .connections_per_source = join.max_connections_per_source,
                 .requests_per_second = join.max_requests_per_second,
                 .request_burst = 2 * join.max_requests_per_second,
                 .handshakes_per_second = join.max_tls_handshakes_per_second,
                 .trusted_proxies = join.trusted_proxies};
  return spec;
}

std::optional<Endpoint::EndpointSpec> controlSpec(const config::Settings& settings) {
  if (!settings.control) return std::nullopt;
  const config::ControlSettings& control = *settings.control;
  Endpoint::EndpointSpec spec;
  spec.tls = control.tls.content;
  spec.options.host = control.address.ipString();
  spec.options.port = control.address.port();
  spec.options.certificate_file = control.tls.certificate_file;
  spec.options.private_key_file = control.tls.private_key_file;
  spec.options.max_body_bytes = control.max_request_bytes;
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
      room_views_(context.rooms, context.clock,
                  {context.rooms, context.room_states, context.evidence, context.history}),
      admin_api_(context.backend, room_views_, context.operations),
      control_api_(context.rooms, context.room_states, context.room_events, context.evidence,
                   context.history),
      admin_(context.loop, "admin", adminHandlers()),
      join_(context.loop, "join API", joinHandlers()),
      control_(context.loop, "control API", controlHandlers()) {}

HttpEndpoints::Sockets HttpEndpoints::sockets() const {
  const auto of = [](const Endpoint& endpoint) {
    return endpoint.server() == nullptr ? -1 : endpoint.server()->descriptor();
  };
  return {of(admin_), of(join_), of(control_)};
}

Status HttpEndpoints::prepare(const config::Settings& next) {
  const Sockets inherited = std::exchange(inherited_, {});
  Prepared fresh{
      .admin_spec = adminSpec(next), .join_spec = joinSpec(next), .control_spec = controlSpec(next)};
  auto admin = admin_.prepare(fresh.admin_spec, inherited.admin);
  auto join = join_.prepare(fresh.join_spec, inherited.join);
  auto control = control_.prepare(fresh.control_spec, inherited.control);
  Errors errors;
  addErrors(admin, "admin", errors);
  addErrors(join, "join", errors);
  addErrors(control, "control", errors);
  if (!errors.empty()) return errors;
  fresh.admin = *std::move(admin);
  fresh.join = *std::move(join);
  fresh.control = *std::move(control);
  prepared_ = std::move(fresh);
  return Done{};
}

void HttpEndpoints::commit(const reload::Running& running) {
  configureAdmin(running.settings);
  configureJoin(running);
  configureControl(running.settings);
  logAddresses(running.settings);
  admin_.commit(std::move(prepared_->admin_spec), std::move(prepared_->admin));
  join_.commit(std::move(prepared_->join_spec), std::move(prepared_->join));
  control_.commit(std::move(prepared_->control_spec), std::move(prepared_->control));
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
  join_api_ = std::make_unique<join::Api>(
      context_.rooms, context_.clock, context_.certificate, std::move(options),
      [&states = context_.room_states](std::string_view room) { return states.snapshot(room); });
  if (draining_) join_api_->drain(std::nullopt);
}

void HttpEndpoints::configureControl(const config::Settings& settings) {
  if (!settings.control) return control_api_.configure({});  // open connections have no access any more
  control_api_.configure(
      {.tokens = settings.control->tokens, .hosts = http::HostNames(settings.control->allowed_hosts)});
}

void HttpEndpoints::logAddresses(const config::Settings& settings) const {
  const Prepared& fresh = *prepared_;
  const auto logAddress = [](const char* name, const char* scheme, const auto& endpoint, const auto& server) {
    if (server == nullptr) return;
    log::info("{} on {}://{}", name, scheme, endpoint->address.withPort(server->port()).toString());
  };
  const auto schemeOf = [](const auto& endpoint) {
    return endpoint && !endpoint->tls.content.empty() ? "https" : "http";
  };
  logAddress("admin", "http", settings.admin, fresh.admin);
  logAddress("join API", schemeOf(settings.join), settings.join, fresh.join);
  logAddress("control API", schemeOf(settings.control), settings.control, fresh.control);
  if (fresh.join == nullptr) return;
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

http::Handlers HttpEndpoints::controlHandlers() {
  return {.handle =
              [this](const http::Request& request) {
                return unlessHandedOver([&] { return control_api_.handle(request); });
              },
          .refuse = [this](const http::Request& request) { return control_api_.refuse(request); }};
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
  if (control_.server() != nullptr) control_.server()->leaveSocket();
}

void HttpEndpoints::publishRooms() {
  if (join_api_ != nullptr) join_api_->publishRooms();
}

void HttpEndpoints::publishAudible() {
  if (join_api_ != nullptr) join_api_->publishAudible();
}

void HttpEndpoints::sweep() {
  admin_.sweep();
  join_.sweep();
  control_.sweep();
}

void HttpEndpoints::stop() {
  admin_.stop();
  join_.stop();
  control_.stop();
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
  collect("control", control_.admission());
  context_.room_events.collect(out);
}

}  // namespace sluice::server
