#include "source/config/build.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "source/base/field_options.h"
#include "source/base/file.h"
#include "source/config/build_listeners.h"
#include "source/config/build_nat.h"
#include "source/config/checks.h"
#include "source/http/host_names.h"
#include "source/http/tls_pair.h"
#include "source/rooms/name.h"

namespace sluice::config {
namespace {

constexpr size_t kMinSecretBytes = 16;
constexpr int kMaxSharedSecrets = 8;
constexpr size_t kMaxPemBytes = 1 << 20;
constexpr size_t kMinPasswordBytes = 8;

std::string resolve(const std::string& directory, const std::string& path) {
  return path.empty() ? path : (std::filesystem::path(directory) / path).lexically_normal().string();
}

// Empty if no file is named or it cannot be read.
std::optional<std::string> contentOf(const std::string& file, const std::string& path, Checks& checks) {
  if (file.empty()) return std::nullopt;
  auto content = readFile(file, kMaxPemBytes);
  if (content.ok()) return *std::move(content);
  checks.fail(path, "'" + file + "' " + content.error().message);
  return std::nullopt;
}

Clusters buildClusters(const Bootstrap& bootstrap, Checks& checks) {
  Clusters clusters;
  std::set<std::string> names;
  for (int i = 0; i < bootstrap.clusters_size(); ++i) {
    const std::string path = indexed("clusters", i);
    const sluice::Cluster& config = bootstrap.clusters(i);
    checks.name(config.name(), path + ".name", names);
    auto cluster = std::make_shared<chain::Cluster>();
    cluster->name = config.name();
    for (int j = 0; j < config.endpoints_size(); ++j) {
      const std::string endpoint_path = indexed(path + ".endpoints", j);
      const net::Address endpoint = checks.address(config.endpoints(j), endpoint_path);
      if (endpoint.isSet() && endpoint.port() == 0) checks.fail(endpoint_path, "needs a port");
      cluster->endpoints.push_back(endpoint);
    }
    if (cluster->endpoints.empty()) checks.fail(path + ".endpoints", "at least one is required");
    cluster->policy = config.policy() == sluice::Cluster::ROUND_ROBIN ? chain::Cluster::Policy::kRoundRobin
                                                                      : chain::Cluster::Policy::kSourceHash;
    clusters[config.name()] = std::move(cluster);
  }
  return clusters;
}

// Either a password or keys.
void buildUser(const sluice::User& user, const std::string& path, credentials::Options& options,
               Checks& checks) {
  using credentials::Algorithm;
  if (user.md5_key().empty() && user.sha256_key().empty()) {
    if (user.password().size() < kMinPasswordBytes)
      checks.fail(path + ".password", "must have at least 8 bytes");
    options.users[user.name()] = user.password();
    return;
  }
  if (!user.password().empty()) checks.fail(path + ".password", "must not be set together with keys");
  const auto read = [&](const std::string& digits, Algorithm algorithm, const char* field) {
    auto key = credentials::keyFromHex(digits, algorithm);
    if (key.empty() && !digits.empty()) {
      checks.fail(path + field,
                  "must have " + std::to_string(2 * credentials::keySize(algorithm)) + " digits 0-9 a-f");
    }
    return key;
  };
  options.keyed_users[user.name()] = {.md5 = read(user.md5_key(), Algorithm::kMd5, ".md5_key"),
                                      .sha256 = read(user.sha256_key(), Algorithm::kSha256, ".sha256_key")};
}

std::shared_ptr<const credentials::Store> buildCredentials(const sluice::Credentials& config,
                                                           Checks& checks) {
  credentials::Options options;
  std::set<std::string> names;
  for (int i = 0; i < config.users_size(); ++i) {
    const std::string path = indexed("credentials.users", i);
    const sluice::User& user = config.users(i);
    checks.name(user.name(), path + ".name", names);
    if (user.name().size() > 128) checks.fail(path + ".name", "must have at most 128 bytes");
    buildUser(user, path, options, checks);
  }
  if (config.shared_secrets_size() > kMaxSharedSecrets) {
    checks.fail("credentials.shared_secrets", "must be at most 8");
  }
  for (int i = 0; i < config.shared_secrets_size(); ++i) {
    if (config.shared_secrets(i).size() < kMinSecretBytes) {
      checks.fail(indexed("credentials.shared_secrets", i), "must have at least 16 bytes");
    }
    options.shared_secrets.push_back(config.shared_secrets(i));
  }
  options.ttl = std::chrono::seconds{config.ttl_s()};
  options.grace = std::chrono::seconds{config.grace_s()};
  return std::make_shared<credentials::Store>(std::move(options));
}

// Adds the addresses at which clients reach a listener's address.
void addCandidates(const net::Address& bound, const std::set<net::Address>& machines, const NatSettings& nat,
                   std::vector<net::Address>& out) {
  if (!bound.isWildcard()) return out.push_back(nat.addresses->toExternal(bound));
  const size_t before = out.size();
  for (const net::Address& machine : machines) {
    if (machine.family() != bound.family() || machine.isLoopback()) continue;
    const net::Address external = nat.addresses->toExternal(machine);
    // Until the STUN server has responded, only this machine's own addresses are known.
    if (external != machine || nat.stun_server) out.push_back(external.withPort(bound.port()));
  }
  if (out.size() == before) out.push_back(bound);
}

// The addresses of listeners whose chains route voice, as seen by clients.
std::vector<net::Address> candidatesOf(const runtime::Generation& generation, const NatSettings& nat) {
  std::vector<net::Address> candidates;
  for (const auto& listener : generation.listeners) {
    const bool voice =
        std::ranges::any_of(listener->chains, [](const auto& chain) { return chain->routes_voice; });
    if (!voice) continue;
    for (const net::Address& address : listener->addresses) {
      addCandidates(address, generation.machine, nat, candidates);
    }
  }
  return candidates;
}

std::vector<std::string> hostNames(const google::protobuf::RepeatedPtrField<std::string>& names,
                                   const std::string& path, Checks& checks) {
  for (int i = 0; i < names.size(); ++i) {
    if (!http::isHostName(names[i])) checks.fail(indexed(path, i), "must be a host name without a port");
  }
  return {names.begin(), names.end()};
}

// Reads the TLS files of `endpoint`, which is a Join or a Control. The two files must belong together.
template <typename Endpoint>
TlsSettings buildTls(const Endpoint& config, const std::string& endpoint, const BuildInput& input,
                     Checks& checks) {
  TlsSettings tls;
  tls.certificate_file = resolve(input.directory, config.tls_certificate_file());
  tls.private_key_file = resolve(input.directory, config.tls_private_key_file());
  if (tls.certificate_file.empty() != tls.private_key_file.empty()) {
    checks.fail(endpoint + ".tls_private_key_file", "is needed together with tls_certificate_file");
  }
  const auto certificate = contentOf(tls.certificate_file, endpoint + ".tls_certificate_file", checks);
  const auto key = contentOf(tls.private_key_file, endpoint + ".tls_private_key_file", checks);
  if (!certificate || !key) return tls;
  const Status pair = http::checkTlsPair(*certificate, *key);
  if (!pair.ok()) checks.fail(endpoint + ".tls_" + pair.error().path + "_file", pair.error().message);
  tls.content = *certificate + *key;
  return tls;
}

void checkBearerToken(const std::string& token, const std::string& path, Checks& checks) {
  if (token.size() < kMinSecretBytes) checks.fail(path, "must have at least 16 bytes");
  if (std::ranges::any_of(token, [](char c) { return c <= ' ' || c > '~'; })) {
    checks.fail(path, "must be printable ASCII without spaces");
  }
}

ControlSettings buildControl(const sluice::Control& config, const BuildInput& input, Checks& checks) {
  if (config.tokens().empty()) checks.fail("control.tokens", "needs at least one token");
  for (int i = 0; i < config.tokens_size(); ++i) {
    checkBearerToken(config.tokens(i), indexed("control.tokens", i), checks);
  }
  return {.address = checks.address(config.address(), "control.address"),
          .tokens = {config.tokens().begin(), config.tokens().end()},
          .tls = buildTls(config, "control", input, checks),
          .max_request_bytes = config.max_request_bytes(),
          .allowed_hosts = hostNames(config.allowed_hosts(), "control.allowed_hosts", checks)};
}

void checkRoomPattern(std::string_view name, const std::string& path,
                      const std::vector<audibility::ConfiguredRules>& earlier, Checks& checks) {
  const std::string_view fixed = name.substr(0, name.size() - (name.ends_with('*') ? 1 : 0));
  if (!fixed.empty() && !rooms::isName(fixed)) {
    checks.fail(path, std::string(rooms::kNameRule) + ", and may end with *");
  }
  const auto hides = [&](const audibility::ConfiguredRules& other) {
    return other.name.ends_with('*') && other.matches(fixed);
  };
  const auto hidden_by = std::ranges::find_if(earlier, hides);
  if (hidden_by != earlier.end()) checks.fail(path, "is never used: '" + hidden_by->name + "' comes first");
}

std::vector<audibility::ConfiguredRules> buildRoomRules(const Bootstrap& bootstrap, Checks& checks) {
  std::vector<audibility::ConfiguredRules> all;
  std::set<std::string> names;
  for (int i = 0; i < bootstrap.rooms_size(); ++i) {
    const sluice::RoomRules& config = bootstrap.rooms(i);
    const std::string path = indexed("rooms", i);
    checks.name(config.name(), path + ".name", names);
    checkRoomPattern(config.name(), path + ".name", all, checks);
    auto rules = audibility::readRules(config.audibility());
    if (rules.ok()) {
      all.push_back({config.name(), config.audibility(), *std::move(rules)});
    } else {
      checks.addAll(path + ".audibility", rules.errors());
    }
  }
  return all;
}

AdminSettings buildAdmin(const sluice::Admin& config, Checks& checks) {
  const std::string& token = config.token();
  if (!token.empty()) checkBearerToken(token, "admin.token", checks);
  return {.address = checks.address(config.address(), "admin.address"),
          .token = token,
          .allowed_hosts = hostNames(config.allowed_hosts(), "admin.allowed_hosts", checks)};
}

JoinSettings buildJoin(const sluice::Join& config, const BuildInput& input,
                       const runtime::Generation& generation, const NatSettings& nat, Checks& checks) {
  JoinSettings join;
  join.address = checks.address(config.address(), "join.address");
  join.page_directory = resolve(input.directory, config.page_directory());
  if (!join.page_directory.empty() && !std::filesystem::is_directory(join.page_directory)) {
    checks.fail("join.page_directory", "'" + join.page_directory + "' is not a folder");
  }
  for (int i = 0; i < config.token_secrets_size(); ++i) {
    if (config.token_secrets(i).size() < kMinSecretBytes) {
      checks.fail(indexed("join.token_secrets", i), "must have at least 16 bytes");
    }
    join.token_secrets.push_back(config.token_secrets(i));
  }
  if (join.token_secrets.empty() && join.address.isSet() && !join.address.isLoopback()) {
    checks.fail("join.address", "must be a loopback address unless token_secrets is set");
  }
  join.tls = buildTls(config, "join", input, checks);
  for (int i = 0; i < config.advertised_addresses_size(); ++i) {
    const std::string path = indexed("join.advertised_addresses", i);
    join.candidates.push_back(checks.address(config.advertised_addresses(i), path));
    const net::Address& candidate = join.candidates.back();
    if (candidate.isSet() && (candidate.isWildcard() || candidate.port() == 0)) {
      checks.fail(path, "is not an address that a client can reach");
    }
  }
  if (join.candidates.empty()) {
    join.candidates = candidatesOf(generation, nat);
    if (join.candidates.empty()) {
      const auto routes = [](const chain::FilterType& type) { return type.routes_voice; };
      checks.fail("join", "needs a listener whose chain ends in " + input.registry.names(routes));
    }
    for (const net::Address& candidate : join.candidates) {
      if (candidate.isWildcard() || candidate.port() == 0) {
        checks.fail("join.advertised_addresses",
                    "is required: clients cannot reach the listener's address " + candidate.toString());
      }
    }
  }
  for (int i = 0; i < config.turn_uris_size(); ++i) {
    const std::string& uri = config.turn_uris(i);
    if (!uri.starts_with("turn:") && !uri.starts_with("turns:") && !uri.starts_with("stun:")) {
      checks.fail(indexed("join.turn_uris", i), "must begin with turn:, turns: or stun:");
    }
    join.turn_uris.push_back(uri);
  }
  if (!join.turn_uris.empty() && input.bootstrap.credentials().shared_secrets().empty()) {
    checks.fail("join.turn_uris", "needs credentials.shared_secrets to sign credentials with");
  }
  join.max_requests_per_second = config.max_requests_per_second();
  join.max_offer_bytes = config.max_offer_bytes();
  join.max_connections_per_source = config.max_connections_per_source();
  join.max_tls_handshakes_per_second = config.max_tls_handshakes_per_second();
  join.allowed_hosts = hostNames(config.allowed_hosts(), "join.allowed_hosts", checks);
  for (int i = 0; i < config.allowed_origins_size(); ++i) {
    const std::string& origin = config.allowed_origins(i);
    if (!http::isOrigin(origin)) {
      checks.fail(indexed("join.allowed_origins", i),
                  "must be \"*\" or an origin in lower case without a path, like https://game.example");
    }
    join.allowed_origins.push_back(origin);
  }
  join.trusted_proxies = checks.prefixes(config.trusted_proxies(), "join.trusted_proxies");
  return join;
}

// No two HTTP endpoints may have one address.
void checkDistinctAddresses(const Settings& settings, Checks& checks) {
  std::map<net::Address, std::string> users;
  const auto check = [&](const auto& endpoint, const std::string& path) {
    if (!endpoint || !endpoint->address.isSet() || endpoint->address.port() == 0) return;
    const auto [user, is_new] = users.emplace(endpoint->address, path);
    if (!is_new) checks.fail(path, endpoint->address.toString() + " is in use by " + user->second);
  };
  check(settings.admin, "admin.address");
  check(settings.join, "join.address");
  check(settings.control, "control.address");
}

void buildLimits(const sluice::Limits& config, runtime::SessionLimits& sessions, Settings& settings) {
  sessions.sessions = config.max_sessions();
  sessions.per_source = config.max_sessions_per_source();
  sessions.unauthenticated = config.max_unauthenticated_sessions();
  sessions.authentication_timeout = std::chrono::seconds{config.authentication_timeout_s()};
  settings.rooms.rooms = config.max_rooms();
  settings.rooms.players_per_room = config.max_players_per_room();
  settings.rooms.players = config.max_players();
  settings.drain_timeout = std::chrono::seconds{config.drain_timeout_s()};
}

// The number of threads, from --concurrency or workers.count; it must be in the range of workers.count.
unsigned workerCount(const sluice::Workers& config, std::optional<unsigned> concurrency, Checks& checks) {
  if (!concurrency && config.has_count()) return config.count();
  sluice::Workers workers;
  workers.set_count(concurrency.value_or(std::thread::hardware_concurrency()));
  const Errors errors = applyFieldOptions(workers);
  if (concurrency && !errors.empty()) checks.fail("--concurrency", errors.front().message);
  return workers.count();
}

WorkerSettings readWorkers(const sluice::Workers& config, std::optional<unsigned> concurrency,
                           Checks& checks) {
  return {.count = workerCount(config, concurrency, checks),
          .pin_threads = config.pin_threads(),
          .max_packets = config.max_packets(),
          .coalesce = std::chrono::microseconds{config.coalesce_us()}};
}

}  // namespace

Result<WorkerSettings> buildWorkers(const Bootstrap& bootstrap, std::optional<unsigned> concurrency) {
  Errors errors;
  Checks checks(errors);
  sluice::Workers config = bootstrap.workers();
  checks.addAll("workers", applyFieldOptions(config));
  const WorkerSettings workers = readWorkers(config, concurrency, checks);
  if (!errors.empty()) return errors;
  return workers;
}

Result<Built> build(const BuildInput& input) {
  Errors errors;
  Checks checks(errors);
  Bootstrap bootstrap = input.bootstrap;  // with defaults; input.bootstrap is as the user wrote it
  checks.addAll("", applyFieldOptions(bootstrap));
  Built built;
  auto generation = std::make_shared<runtime::Generation>();
  generation->version = input.version;
  generation->machine = input.machine;

  const Clusters clusters = buildClusters(bootstrap, checks);
  built.settings.credentials = buildCredentials(bootstrap.credentials(), checks);
  built.settings.nat = buildNat(bootstrap, input, checks);
  built.settings.step_back = buildStepBack(bootstrap, checks);
  buildLimits(bootstrap.limits(), generation->limits, built.settings);
  buildListeners(bootstrap, input, clusters, built.settings, *generation, built.warnings, checks);
  built.settings.takeover_socket = resolve(input.directory, bootstrap.takeover_socket());
  generation->drain = built.settings.drain_timeout;
  generation->published = input.now;
  if (bootstrap.has_admin()) built.settings.admin = buildAdmin(bootstrap.admin(), checks);
  if (bootstrap.has_join()) {
    built.settings.join = buildJoin(bootstrap.join(), input, *generation, built.settings.nat, checks);
  }
  if (bootstrap.has_control()) built.settings.control = buildControl(bootstrap.control(), input, checks);
  checkDistinctAddresses(built.settings, checks);
  built.settings.room_rules = buildRoomRules(bootstrap, checks);
  built.settings.workers = readWorkers(bootstrap.workers(), input.concurrency, checks);
  if (!errors.empty()) return errors;
  built.generation = std::move(generation);
  return built;
}

}  // namespace sluice::config
