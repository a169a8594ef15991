#include "source/server/server.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <utility>

#include "source/base/log.h"
#include "source/config/load.h"
#include "source/crypto/certificate.h"
#include "source/crypto/dtls.h"

namespace sluice::server {
namespace {

constexpr Duration kTick = 1s;
constexpr Duration kSweepAfterDrain = 5s;  // sessions end a few at a time, before their port
constexpr Duration kCheckMachine = 10s;
std::string directoryOf(const std::string& file) {
  return std::filesystem::absolute(file).parent_path().string();
}

}  // namespace

Server::Server(const Options& options, const chain::Registry& registry, const config::WorkerSettings& workers)
    : options_(options),
      registry_(registry),
      stats_(workers.count),
      dtls_(crypto::DtlsContext::make(crypto::Certificate::generate())),
      rooms_({}, workers.count, clock_),
      ports_(workers.count),
      admin_(*this),
      successor_waits_(loop_.timers(), [this] { onSuccessorReady(); }),
      tick_(loop_.timers(), [this] { onTick(); }),
      room_feed_(loop_.timers(), [this] { onRoomFeed(); }) {
  rooms_.addObserver(*this);
  group_.post_to_main = [this](std::function<void()> task) { loop_.post(std::move(task)); };
  group_.player_gone = [this](const runtime::PlayerGone& gone) { onPlayerGone(gone); };
}

Server::~Server() {
  group_.stop();
  if (owns_takeover_path_ && takeover_socket_ != nullptr && !handed_over_)
    unlink(settings_.takeover_socket.c_str());
}

Result<std::unique_ptr<Server>> Server::start(const Options& options, const chain::Registry& registry) {
  auto bootstrap = config::loadFile(options.config);
  if (!bootstrap.ok()) return bootstrap.errors();
  auto workers = config::buildWorkers(*bootstrap, options.concurrency);
  auto machine = net::machineAddresses();
  if (!machine.ok()) return machine.errors();
  // A wrong worker count is one error among others; any count will do to find the rest.
  std::unique_ptr<Server> server(
      new Server(options, registry, workers.ok() ? *workers : config::WorkerSettings{}));
  server->machine_ = *std::move(machine);
  if (options.takeover) {
    if (Status status = server->connectToPredecessor(*bootstrap); !status.ok()) return status.errors();
  }
  auto built = server->build(*bootstrap);
  if (!built.ok()) return built.errors();
  server->settings_ = built->settings;
  server->warnOfOpenAdmin();
  if (options.mode == Options::Mode::kValidate) return server;
  server->startWorkers();
  runtime::LoadingWorkers loading;
  auto snapshot = server->inherit();
  if (!snapshot.ok()) return snapshot.errors();
  Status status = server->apply(*bootstrap, *std::move(built), &*snapshot, &loading);
  if (status.ok()) {
    auto endpoints = server->prepareEndpoints(server->settings_, *snapshot);
    if (!endpoints.ok()) return endpoints.errors();
    server->commitEndpoints(*std::move(endpoints));
  }
  if (status.ok()) status = server->bindTakeoverSocket(snapshot->takeover);
  if (status.ok()) status = server->finishTakeover(loading);
  if (!status.ok()) return status.errors();
  return server;
}

std::string Server::directory() const {
  return directoryOf(options_.config);
}

config::BuildInput Server::buildInput(const Bootstrap& bootstrap, const std::string& directory,
                                      runtime::StatsStore& stats, chain::ProcessState& process) const {
  return {.bootstrap = bootstrap,
          .directory = directory,
          .registry = registry_,
          .rooms = rooms_,
          .process = process,
          .dtls = dtls_,
          .concurrency = options_.concurrency,
          .stats = stats,
          .machine = machine_,
          .discovered = discovered_,
          .previous = generation_.get(),
          .version = version_ + 1,
          .stepped_back = stepped_back_};
}

Result<config::Built> Server::build(const Bootstrap& bootstrap) {
  return config::build(buildInput(bootstrap, directory(), stats_, process_));
}

Result<config::Built> Server::buildPreview(const Bootstrap& bootstrap, const std::string& directory,
                                           bool trusted) const {
  runtime::StatsStore unused(static_cast<unsigned>(group_.workers.size()));
  chain::ProcessState process = process_;  // state that filters add goes to this copy
  config::BuildInput input = buildInput(bootstrap, directory, unused, process);
  input.may_run_code = trusted;
  return config::build(input);
}

Status Server::apply(const Bootstrap& bootstrap, config::Built built, TakeoverSnapshot* snapshot,
                     runtime::LoadingWorkers* loading) {
  auto change = ports_.prepare(*built.generation);
  if (!change.ok()) return change.errors();
  ++version_;
  generation_ = built.generation;
  settings_ = std::move(built.settings);
  bootstrap_ = bootstrap;
  const Duration sweep = generation_->drain > Duration::zero() ? kSweepAfterDrain : Duration::zero();
  ports_.commit(*change, clock_.now() + generation_->drain + sweep);
  for (auto& worker : group_.workers) {
    const unsigned i = worker->index();
    std::function<void()> then;
    if (snapshot != nullptr && i < snapshot->workers.size()) {
      then = loading->load(*worker, std::move(snapshot->workers[i]));
    }
    worker->publish(generation_, change->forWorker(i), std::move(then));
  }
  removeDrainedPorts();
  rooms_.setLimits(settings_.rooms);
  stepped_back_ = config::stillSteppedBack(stepped_back_, bootstrap_);
  configureRollouts();
  configureJoin();
  return Done{};
}

void Server::removeDrainedPorts() {
  const auto sessions = [this](const std::string& listener) {
    int64_t total = 0;
    for (const auto* stats : stats_.listener(listener)) total += stats->sessions.value();
    return total;
  };
  for (const uint16_t id : ports_.takeExpired(clock_.now(), sessions)) {
    for (auto& worker : group_.workers) worker->removePort(id);
  }
}

void Server::startWorkers() {
  const config::WorkerSettings& workers = settings_.workers;
  for (unsigned i = 0; i < workers.count; ++i) {
    group_.workers.push_back(
        std::make_unique<runtime::WorkerThread>(runtime::WorkerOptions{.index = i,
                                                                       .count = workers.count,
                                                                       .max_packets = workers.max_packets,
                                                                       .pin = workers.pin_threads,
                                                                       .coalesce = workers.coalesce},
                                                group_));
  }
  for (auto& worker : group_.workers) worker->start();
}

void Server::configureJoin() {
  if (!settings_.join) return;
  join::Options options;
  options.token_secrets = settings_.join->token_secrets;
  options.page_directory = settings_.join->page_directory;
  options.turn_uris = settings_.join->turn_uris;
  options.credentials = settings_.credentials;
  options.repair = generation_->repair;
  options.hosts = http::HostNames(settings_.join->allowed_hosts);
  options.allowed_origins = settings_.join->allowed_origins;
  for (const net::Address& candidate : settings_.join->candidates) {
    options.candidates.push_back({candidate.ipString(), candidate.port()});
  }
  if (join_ != nullptr) return join_->configure(std::move(options));
  join_ = std::make_unique<join::Api>(rooms_, clock_, dtls_->fingerprint(), std::move(options));
  if (draining_) join_->drain(std::nullopt);
}

void Server::run() {
  startSignals();
  watchFiles();
  tick_.arm(kTick);
  room_feed_.arm(join::RoomFeed::kInterval);
  startProbes();
  for (const auto& listener : generation_->listeners) {
    for (const net::Address& address : ports_.addresses(listener->name)) {
      log::info("listener {} on {}", listener->name, address.toString());
    }
  }
  log::info("serving with {} workers", group_.workers.size());
  loop_.run();
  log::info("stopping");
  watches_.clear();
  admin_http_.stop();
  join_http_.stop();
  group_.stop();
}

void Server::startSignals() {
  const auto on = [this](int signal, std::function<void()> handler) {
    signals_.push_back(std::make_unique<SignalWatch>(loop_, signal, std::move(handler)));
  };
  on(SIGHUP, [this] { static_cast<void>(reloadAndLog("SIGHUP")); });
  on(SIGTERM, [this] { onTerminate(); });
  on(SIGINT, [this] { loop_.stop(); });
}

// The first signal drains; the second one ends the process at once.
void Server::onTerminate() {
  if (drain_deadline_ != Instant::max()) return loop_.stop();
  startDrain(settings_.drain_timeout);
  drain_deadline_ = clock_.now() + settings_.drain_timeout;
  log::info("draining {} sessions", group_.total_sessions.load(std::memory_order_relaxed));
  onTick();
}

void Server::onTick() {
  rooms_.expire();
  checkRollouts();
  removeDrainedPorts();
  admin_http_.sweep();
  join_http_.sweep();
  if (clock_.now() - machine_checked_ >= kCheckMachine) checkMachine();
  if (drain_deadline_ != Instant::max() && (idle() || clock_.now() >= drain_deadline_)) loop_.stop();
  tick_.arm(kTick);
}

void Server::onRoomFeed() {
  if (join_ != nullptr) join_->publishRooms();
  room_feed_.arm(join::RoomFeed::kInterval);
}

void Server::drain(bool exit) {
  if (!exit) return startDrain(std::nullopt);
  loop_.post([this] {
    if (drain_deadline_ == Instant::max()) onTerminate();  // a second one changes nothing
  });
}

void Server::startDrain(std::optional<Duration> limit) {
  draining_ = true;
  if (join_ != nullptr) join_->drain(limit);
  for (auto& worker : group_.workers) {
    worker->post([&worker] { worker->dispatcher().setDraining(true); });
  }
}

Status Server::reload() {
  return reloadAndLog("POST /reload");
}

Status Server::reloadAndLog(const char* why) {
  const auto attempt = [this]() -> Status {
    if (handing_over_) return Error{"", "another process is taking over"};
    auto bootstrap = config::loadFile(options_.config);
    if (!bootstrap.ok()) return bootstrap.errors();
    return rebuild(*bootstrap);
  };
  const Status status = attempt();
  if (status.ok()) {
    reloads_ok_.add();
    log::info("reloaded ({}): generation {}", why, version_);
  } else {
    reloads_refused_.add();
    log::error("reload refused ({}); the old configuration stays in use\n{}", why, toString(status.errors()));
  }
  return status;
}

Status Server::rebuild(const Bootstrap& bootstrap) {
  auto built = build(bootstrap);
  if (!built.ok()) return built.errors();
  if (Status status = checkFixed(built->settings); !status.ok()) return status;
  const bool same_probes = built->settings.nat.stun_server == settings_.nat.stun_server &&
                           built->settings.nat.to_ask == settings_.nat.to_ask &&
                           built->settings.nat.refresh_interval == settings_.nat.refresh_interval;
  auto endpoints = prepareEndpoints(built->settings, {});
  if (!endpoints.ok()) return endpoints.errors();
  Status status = apply(bootstrap, *std::move(built));
  if (!status.ok()) return status;
  commitEndpoints(*std::move(endpoints));
  warnOfOpenAdmin();
  watchFiles();
  if (!same_probes) startProbes();
  return status;
}

void Server::startProbes() {
  probes_.clear();
  if (!settings_.nat.stun_server) return;
  for (const net::Address& local : settings_.nat.to_ask) {
    probes_.push_back(std::make_unique<NatProbe>(
        probe_network_, probe_packets_, loop_.timers(),
        NatProbe::Options{.local = local,
                          .server = *settings_.nat.stun_server,
                          .interval = settings_.nat.refresh_interval,
                          .found = [this, local](const net::Address& external) {
                            loop_.post([this, local, external] { onExternalAddress(local, external); });
                          }}));
  }
}

void Server::onExternalAddress(const net::Address& local, const net::Address& external) {
  const auto known = discovered_.find(local);
  if (known != discovered_.end() && known->second == external) return;
  log::info("the external address of {} is {}", local.ipString(), external.ipString());
  const auto before = discovered_;
  discovered_[local] = external;
  if (const Status status = rebuild(Bootstrap(bootstrap_)); !status.ok()) {
    discovered_ = before;  // the next response tries again
    log::error("cannot apply the new external address:\n{}", toString(status.errors()));
  }
}

void Server::checkMachine() {
  machine_checked_ = clock_.now();
  auto machine = net::machineAddresses();
  if (!machine.ok() || *machine == machine_) return;
  const auto before = std::exchange(machine_, *std::move(machine));
  log::info("this machine's addresses have changed");
  if (const Status status = rebuild(Bootstrap(bootstrap_)); !status.ok()) {
    machine_ = before;
    log::error("cannot apply this machine's new addresses:\n{}", toString(status.errors()));
  }
}

Status Server::checkFixed(const config::Settings& fresh) const {
  Errors errors;
  const auto fixed = [&](bool same, const char* path) {
    if (!same) errors.push_back({path, "is read at start only; restart to change it"});
  };
  fixed(fresh.workers == settings_.workers, "workers");
  fixed(fresh.takeover_socket == settings_.takeover_socket, "takeover_socket");
  if (!errors.empty()) return errors;
  return Done{};
}

void Server::onJoined(const rooms::PlayerPtr& player) {
  for (auto& worker : group_.workers) {
    worker->post([&worker, player] { worker->dispatcher().addPlayer(player); });
  }
  // Credentials of a player of the previous process, who may have restarted ICE there.
  for (const auto& local : player->signalled.local) onIceRestart(player, local);
}

void Server::onIceRestart(const rooms::PlayerPtr& player, const rooms::IceCredentials& local) {
  if (local == player->negotiated.local) return;
  for (auto& worker : group_.workers) {
    worker->post([&worker, player, local] { worker->dispatcher().addCredentials(player, local); });
  }
}

void Server::onPlayerGone(const runtime::PlayerGone& gone) {
  if (!rooms_.leave(gone.player, rooms::Departure::kSessionEnded)) return;  // it had left, which is logged
  log::info("{} in {} was removed: {}; client {}, after {} ms, packets in {}, out {}", gone.player->id,
            gone.player->room->name(), gone.reason, gone.remote.toString(),
            std::chrono::duration_cast<std::chrono::milliseconds>(gone.age).count(), gone.packets_in,
            gone.packets_out);
}

void Server::onLeft(const rooms::PlayerPtr& player) {
  if (player->departure == rooms::Departure::kReplaced) {
    log::info("{} in {} was replaced: it joined again", player->id, player->room->name());
  } else if (player->departure == rooms::Departure::kNotConnected) {
    log::info("{} in {} was removed: it did not connect in time", player->id, player->room->name());
  }
  for (auto& worker : group_.workers) {
    worker->post([&worker, player] { worker->dispatcher().removePlayer(player); });
  }
}

}  // namespace sluice::server
