// The HTTP endpoints of a configuration, and the watches of the files that it depends on.
#include <sys/resource.h>

#include <algorithm>

#include "source/base/log.h"
#include "source/server/server.h"

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

Errors prefixed(const char* prefix, const Errors& errors) {
  Errors out;
  for (const Error& e : errors) {
    const bool tls = e.path.ends_with("_file");
    out.push_back({prefix + (tls ? ".tls_" + e.path : ".address"), e.message});
  }
  return out;
}

}  // namespace

Result<Server::FreshEndpoints> Server::prepareEndpoints(const config::Settings& settings,
                                                        const TakeoverSnapshot& snapshot) {
  FreshEndpoints fresh{adminSpec(settings), joinSpec(settings), nullptr, nullptr};
  auto admin = admin_http_.prepare(fresh.admin_spec, snapshot.admin);
  if (!admin.ok()) return prefixed("admin", admin.errors());
  fresh.admin = *std::move(admin);
  auto join = join_http_.prepare(fresh.join_spec, snapshot.join);
  if (!join.ok()) return prefixed("join", join.errors());
  fresh.join = *std::move(join);
  return fresh;
}

void Server::commitEndpoints(FreshEndpoints fresh) {
  if (fresh.admin != nullptr) {
    log::info("admin on http://{}", settings_.admin->address.withPort(fresh.admin->port()).toString());
  }
  if (fresh.join != nullptr) {
    log::info("join API on {}://{}", settings_.join->tls_content.empty() ? "http" : "https",
              settings_.join->address.withPort(fresh.join->port()).toString());
    if (const unsigned most = fresh.join_spec->limits.connections; most < kJoinConnections) {
      log::info("join API: at most {} connections instead of {}: half of what RLIMIT_NOFILE allows", most,
                kJoinConnections);
    }
  }
  if (settings_.admin) {
    admin_.configure(
        {.token = settings_.admin->token, .hosts = http::HostNames(settings_.admin->allowed_hosts)});
  }
  admin_http_.commit(std::move(fresh.admin_spec), std::move(fresh.admin));
  join_http_.commit(std::move(fresh.join_spec), std::move(fresh.join));
}

http::Response Server::unlessHandedOver(const std::function<http::Response()>& answer) const {
  if (!handed_over_) return answer();
  http::Response response = http::error(503, "another process has taken over: connect again");
  response.headers.emplace_back("Connection", "close");
  return response;
}

http::Handlers Server::adminHandlers() {
  return {.handle =
              [this](const http::Request& request) {
                return unlessHandedOver([&] { return admin_.handle(request); });
              },
          .refuse = [this](const http::Request& request) { return admin_.refuse(request); }};
}

void Server::warnOfOpenAdmin() const {
  if (!settings_.admin || !settings_.admin->token.empty() || settings_.admin->address.isLoopback()) return;
  log::warn(
      "admin.address {} is not a loopback address and admin.token is not set: anyone who reaches it can "
      "operate the proxy",
      settings_.admin->address.toString());
}

http::Handlers Server::joinHandlers() {
  return {
      .handle =
          [this](const http::Request& request) {
            return unlessHandedOver([&] { return join_->handle(request); });
          },
      .refuse = [this](const http::Request& request) { return join_->refuse(request); },
      .cost = join::Api::costOf,
      .finish = [this](const http::Request& request, http::Response& out) { join_->finish(request, out); }};
}

// Watches the configuration and the TLS files.
void Server::watchFiles() {
  std::vector<std::string> files{options_.config};
  if (settings_.join && !settings_.join->tls_certificate_file.empty()) {
    files.push_back(settings_.join->tls_certificate_file);
    files.push_back(settings_.join->tls_private_key_file);
  }
  if (files == watched_) return;
  watched_ = files;
  watches_.clear();
  for (const std::string& file : files) {
    // Posted, because the reload may destroy this watch.
    watches_.push_back(std::make_unique<FileWatch>(
        loop_, file, [this] { loop_.post([this] { static_cast<void>(reloadAndLog("a file changed")); }); }));
  }
}

}  // namespace sluice::server
