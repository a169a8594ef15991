// Turns a Bootstrap into what the server runs: checks everything, opens nothing.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/config.pb.h"
#include "source/audibility/settings.h"
#include "source/base/result.h"
#include "source/chain/factory_context.h"
#include "source/chain/filter_type.h"
#include "source/config/rollout.h"
#include "source/credentials/store.h"
#include "source/runtime/generation.h"
#include "source/runtime/stats_store.h"

namespace sluice::config {

// The certificate and key of an HTTP endpoint.
struct TlsSettings {
  std::string certificate_file;
  std::string private_key_file;
  std::string content;  // of both files; empty without TLS
};

struct AdminSettings {
  net::Address address;
  std::string token;  // empty: none
  std::vector<std::string> allowed_hosts;
};

struct ControlSettings {
  net::Address address;
  std::vector<std::string> tokens;
  TlsSettings tls;
  size_t max_request_bytes = 0;
  std::vector<std::string> allowed_hosts;
};

struct JoinSettings {
  net::Address address;
  std::string page_directory;  // absolute, or empty
  std::vector<std::string> token_secrets;
  TlsSettings tls;
  std::vector<net::Address> candidates;
  std::vector<std::string> turn_uris;
  double max_requests_per_second = 0;
  size_t max_offer_bytes = 0;
  unsigned max_connections_per_source = 0;
  double max_tls_handshakes_per_second = 0;
  std::vector<net::Prefix> trusted_proxies;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
};

// The external addresses of this machine.
struct NatSettings {
  std::shared_ptr<const net::AddressMap> addresses = std::make_shared<net::AddressMap>();
  std::optional<net::Address> stun_server;  // if set: the addresses are requested from it
  std::vector<net::Address> to_probe;       // the local IP addresses to map, port 0
  Duration refresh_interval{};
};

struct WorkerSettings {
  unsigned count = 1;
  bool pin_threads = false;
  size_t max_packets = 0;
  Duration coalesce{};
  bool operator==(const WorkerSettings&) const = default;
};

// All settings except the listeners.
struct Settings {
  std::optional<AdminSettings> admin;
  std::optional<JoinSettings> join;
  std::optional<ControlSettings> control;
  std::vector<audibility::ConfiguredRules> room_rules;
  WorkerSettings workers;
  rooms::Limits rooms;
  std::shared_ptr<const credentials::Store> credentials;  // never null
  NatSettings nat;
  Duration drain_timeout{};
  std::string takeover_socket;  // empty: none
  std::vector<StepBackRule> step_back;
};

struct Built {
  runtime::GenerationPtr generation;
  Settings settings;
  std::vector<std::string> warnings;  // for the user, when the configuration takes effect or is validated
};

struct BuildInput {
  const Bootstrap& bootstrap;
  std::string directory;  // base of relative paths in the file
  const chain::Registry& registry;
  rooms::Directory& rooms;
  chain::ProcessState& process;
  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::optional<unsigned> concurrency;  // overrides workers.count
  runtime::StatsStore& stats;
  const std::set<net::Address>& machine;            // this machine's IP addresses, port 0
  std::map<net::Address, net::Address> discovered;  // by nat.stun_server: local to external addresses, port 0
  const runtime::Generation* previous;              // may be null; its equal factories are reused
  uint64_t version;
  Instant now{};  // for Generation::published
  RolledBack rolled_back{};
  chain::PositionSink* positions = nullptr;  // see chain::FactoryContext
  bool may_run_code = true;                  // see chain::FactoryContext
};

// Returns all errors at once, each with its field path.
Result<Built> build(const BuildInput& input);

// The workers only, which must be known before a StatsStore can be made.
Result<WorkerSettings> buildWorkers(const Bootstrap& bootstrap, std::optional<unsigned> concurrency);

}  // namespace sluice::config
