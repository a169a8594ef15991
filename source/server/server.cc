#include "source/server/server.h"

#include <csignal>
#include <filesystem>
#include <utility>

#include "source/base/log.h"
#include "source/config/load.h"
#include "source/crypto/certificate.h"
#include "source/crypto/dtls.h"
#include "source/takeover/lost_sessions.h"

namespace sluice::server {
namespace {

constexpr Duration kTick = 1s;
constexpr size_t kPackets = 256;

Error takeoverError(const Errors& errors) {
  return {"--takeover", errors.front().message};
}

// The process to take over from; null: there is none, or --takeover is not given.
Result<std::unique_ptr<takeover::Client>> connectToPredecessor(const Options& options,
                                                               const Bootstrap& bootstrap, unsigned workers) {
  if (!options.takeover) return std::unique_ptr<takeover::Client>();
  if (bootstrap.takeover_socket().empty()) return Error{"takeover_socket", "is required for --takeover"};
  const auto directory = std::filesystem::absolute(options.config).parent_path();
  auto client = takeover::Client::connect((directory / bootstrap.takeover_socket()).string(), workers);
  if (!client.ok()) return takeoverError(client.errors());
  return client;
}

// The certificate of the process to take over from, so that its clients' DTLS stays valid, or a new one.
Result<std::shared_ptr<const crypto::DtlsContext>> makeDtls(const takeover::Client* predecessor) {
  if (predecessor == nullptr) return crypto::DtlsContext::make(crypto::Certificate::generate());
  auto certificate = crypto::Certificate::load(asBytes(predecessor->identity().certificate));
  if (certificate == nullptr)
    return Error{"--takeover", "the certificate of the other process cannot be read"};
  return crypto::DtlsContext::make(std::move(certificate));
}

config::RolledBack rolledBackOf(const takeover::Identity& identity) {
  config::RolledBack out;
  for (const auto& [name, content] : identity.rolled_back) {
    if (name.size() == 3) out[{name[0], name[1], name[2]}] = content;
  }
  return out;
}

template <typename State>
std::string written(State& state) {
  Descriptors none;
  Archive out(none);
  state.archive(out);
  return out.takeBytes();
}

template <typename State>
bool read(const std::string& bytes, State& state) {
  Descriptors none;
  Archive in(asBytes(bytes), none);
  state.archive(in);
  return in.ok();
}

}  // namespace

Server::Server(const Options& options, const chain::Registry& registry, Setup setup)
    : dtls_(setup.dtls),
      stats_(setup.workers),
      rooms_({}, setup.workers, clock_),
      packets_(kPackets),
      network_(make_network_(loop_, packets_)),
      ports_(*network_, setup.workers),
      room_control_(rooms_, clock_, loop_.timers(), workers_),
      applier_({.file = options.config,
                .concurrency = options.concurrency,
                .clock = clock_,
                .registry = registry,
                .dtls = dtls_,
                .rooms = rooms_,
                .process = process_,
                .positions = &room_control_,
                .stats = stats_,
                .workers = workers_,
                .ports = ports_},
               std::move(setup.environment)),
      external_addresses_(applier_, {.clock = clock_,
                                     .network = *network_,
                                     .packets = packets_,
                                     .timers = loop_.timers(),
                                     .machine = net::machineAddresses,
                                     .post = [this](auto task) { loop_.post(std::move(task)); }}),
      config_watch_(loop_, options.config, [this] { static_cast<void>(applier_.reload("a file changed")); }),
      drain_(clock_, workers_, [this](std::optional<Duration> limit) { http_.drain(limit); }),
      metrics_({.clock = clock_,
                .started = started_,
                .stats = stats_,
                .applier = applier_,
                .rollouts = rollouts_,
                .workers = workers_,
                .rooms = rooms_,
                .overload = room_control_.overload(),
                .drain = drain_,
                .http = http_,
                .takeover = taken_over_}),
      introspection_({.clock = clock_,
                      .started = started_,
                      .applier = applier_,
                      .ports = ports_,
                      .workers = workers_,
                      .rooms = rooms_,
                      .drain = drain_,
                      .metrics = metrics_}),
      http_({.loop = loop_,
             .clock = clock_,
             .rooms = rooms_,
             .certificate = dtls_->fingerprint(),
             .backend = introspection_,
             .operations = *this,
             .room_states = room_control_.states(),
             .room_events = room_control_.events(),
             .evidence = evidence_,
             .history = history_}),
      tick_(loop_.timers(), [this] { onTick(); }),
      room_feed_(loop_.timers(), [this] { onRoomFeed(); }),
      audible_feed_(loop_.timers(), [this] { onAudibleFeed(); }),
      history_sample_(loop_.timers(), [this] { onHistorySample(); }) {
  workers_.post_to_main = [this](std::function<void()> task) { loop_.post(std::move(task)); };
  workers_.player_gone = [this](const runtime::PlayerGone& gone) { player_updates_.onSessionEnded(gone); };
  applier_.addParticipant(room_control_);
  applier_.addParticipant(http_);
  applier_.addParticipant(rollouts_);
  applier_.addParticipant(external_addresses_);
  applier_.addParticipant(config_watch_);
}

Server::~Server() {
  workers_.stop();
}

Result<std::unique_ptr<Server>> Server::start(const Options& options, const chain::Registry& registry) {
  auto bootstrap = config::loadFile(options.config);
  if (!bootstrap.ok()) return bootstrap.errors();
  // A wrong worker count is one error among others; any count will do to find the rest.
  const auto workers = config::buildWorkers(*bootstrap, options.concurrency);
  auto machine = net::machineAddresses();
  if (!machine.ok()) return machine.errors();
  auto predecessor = connectToPredecessor(options, *bootstrap, workers.ok() ? workers->count : 0);
  if (!predecessor.ok()) return predecessor.errors();
  auto dtls = makeDtls(predecessor->get());
  if (!dtls.ok()) return dtls.errors();
  Setup setup{.workers = workers.ok() ? workers->count : 1, .dtls = *std::move(dtls)};
  setup.environment.machine = *std::move(machine);
  if (*predecessor != nullptr) {
    setup.environment.discovered = (*predecessor)->identity().discovered;
    setup.environment.rolled_back = rolledBackOf((*predecessor)->identity());
  }
  std::unique_ptr<Server> server(new Server(options, registry, std::move(setup)));
  auto built = server->applier_.build(*bootstrap);
  if (!built.ok()) return built.errors();
  if (options.mode == Options::Mode::kValidate) {
    for (const std::string& warning : built->warnings) log::warn("{}", warning);
    HttpEndpoints::warnOfOpenAdmin(built->settings);
    return server;
  }
  if (Status status = server->start(*bootstrap, *std::move(built), predecessor->get()); !status.ok()) {
    return status.errors();
  }
  return server;
}

Status Server::start(const Bootstrap& bootstrap, config::Built built, takeover::Client* predecessor) {
  startWorkers(built.settings.workers);
  const Instant began = clock_.now();
  takeover::Snapshot snapshot;
  if (predecessor != nullptr) {
    auto taken = inherit(*predecessor);
    if (!taken.ok()) return takeoverError(taken.errors());
    snapshot = *std::move(taken);
  }
  runtime::LoadingWorkers loading;
  const auto load = [&](runtime::WorkerThread& worker) {
    const unsigned i = worker.index();
    return i < snapshot.workers.size() ? loading.load(worker, std::move(snapshot.workers[i]))
                                       : std::function<void()>();
  };
  if (Status status = applier_.start(bootstrap, std::move(built), load); !status.ok()) return status;
  Status listening = takeover_.listen(applier_.running().settings.takeover_socket, snapshot.takeover);
  if (!listening.ok()) return listening;
  if (predecessor != nullptr) {
    if (Status status = finishTakeover(*predecessor, loading, began); !status.ok()) return status;
  }
  takeover_.serve();
  return Done{};
}

void Server::startWorkers(const config::WorkerSettings& settings) {
  for (unsigned i = 0; i < settings.count; ++i) {
    workers_.workers.push_back(
        std::make_unique<runtime::WorkerThread>(runtime::WorkerOptions{.index = i,
                                                                       .count = settings.count,
                                                                       .max_packets = settings.max_packets,
                                                                       .pin = settings.pin_threads,
                                                                       .coalesce = settings.coalesce,
                                                                       .network = make_network_},
                                                workers_));
  }
  for (auto& worker : workers_.workers) worker->start();
}

Result<takeover::Snapshot> Server::inherit(takeover::Client& predecessor) {
  auto snapshot = predecessor.take();
  if (!snapshot.ok()) return snapshot;
  ports_.inherit(std::move(snapshot->ports));
  http_.inherit({.admin = snapshot->admin, .join = snapshot->join, .control = snapshot->control});
  if (!read(snapshot->process, process_) || !read(snapshot->rooms, rooms_) ||
      !read(snapshot->room_states, room_control_)) {
    return Error{"", "the state of the other process cannot be read"};
  }
  return snapshot;
}

Status Server::finishTakeover(takeover::Client& predecessor, runtime::LoadingWorkers& loading,
                              Instant began) {
  const auto loaded = predecessor.finish(loading);
  if (!loaded.ok()) return takeoverError(loaded.errors());  // the other process continues
  taken_over_ = {.kept = loaded->kept, .ended = loaded->lost.size()};
  log::info("took over {} sessions in {} ms; {} ended", loaded->kept,
            std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - began).count(),
            loaded->lost.size());
  takeover::settleLostSessions(*loaded, rooms_);
  return Done{};
}

void Server::run() {
  watchSignals();
  tick_.arm(kTick);
  room_feed_.arm(join::RoomFeed::kInterval);
  audible_feed_.arm(join::AudibleFeed::kInterval);
  history_sample_.arm(control::History::kInterval);
  for (const auto& listener : applier_.running().generation->listeners) {
    for (const net::Address& address : ports_.addresses(listener->name)) {
      log::info("listener {} on {}", listener->name, address.toString());
    }
  }
  log::info("serving with {} workers", workers());
  loop_.run();
  log::info("stopping");
  config_watch_.stop();
  http_.stop();
  workers_.stop();
}

void Server::watchSignals() {
  const auto on = [this](int signal, std::function<void()> handler) {
    signals_.push_back(std::make_unique<net::SignalWatch>(loop_, signal, std::move(handler)));
  };
  on(SIGHUP, [this] { static_cast<void>(applier_.reload("SIGHUP")); });
  on(SIGTERM, [this] { onTerminate(); });
  on(SIGINT, [this] { loop_.stop(); });
}

// The first signal drains; the second one ends the process at once.
void Server::onTerminate() {
  if (drain_.isEnding()) return loop_.stop();
  drain_.beginEnd(applier_.running().settings.drain_timeout);
  onTick();
}

void Server::onTick() {
  rooms_.expire();
  rollouts_.check();
  applier_.closeDrainedPorts();
  http_.sweep();
  external_addresses_.check();
  if (drain_.isOver()) loop_.stop();
  tick_.arm(kTick);
}

void Server::onRoomFeed() {
  http_.publishRooms();
  room_feed_.arm(join::RoomFeed::kInterval);
}

void Server::onAudibleFeed() {
  http_.publishAudible();
  audible_feed_.arm(join::AudibleFeed::kInterval);
}

void Server::onHistorySample() {
  recorder_.tick();
  history_sample_.arm(control::History::kInterval);
}

void Server::drain(bool exit) {
  if (!exit) return drain_.begin();
  loop_.post([this] {
    if (!drain_.isEnding()) onTerminate();  // a second one changes nothing
  });
}

takeover::Identity Server::identity() const {
  const reload::Environment& environment = applier_.environment();
  takeover::Identity identity{dtls_->certificate().save(), environment.discovered, {}};
  for (const auto& [name, content] : environment.rolled_back) {
    const auto& [listener, chain, version] = name;
    identity.rolled_back.push_back({{listener, chain, version}, content});
  }
  return identity;
}

bool Server::hasPendingHandshakes() const {
  for (const auto& room : rooms_.rooms()) {
    for (const auto& player : room.players) {
      const auto& observed = player->observed;
      const bool seen = observed.worker.load(std::memory_order_relaxed) >= 0;
      if (seen && !observed.connected.load(std::memory_order_relaxed)) return true;
    }
  }
  return false;
}

takeover::Snapshot Server::pause() {
  applier_.freeze("another process is taking over");
  paused_.emplace(workers_);
  takeover::Snapshot snapshot;
  snapshot.workers = paused_->save();
  loop_.runPosted();  // tasks that the workers posted before they stopped
  snapshot.ports = ports_.save();
  snapshot.rooms = written(rooms_);
  snapshot.room_states = written(room_control_);
  snapshot.process = written(process_);
  const HttpEndpoints::Sockets sockets = http_.sockets();
  snapshot.admin = sockets.admin;
  snapshot.join = sockets.join;
  snapshot.control = sockets.control;
  return snapshot;
}

void Server::resume() {
  paused_.reset();
  applier_.unfreeze();
}

void Server::end() {
  room_control_.events().endStreams();  // the ids of later events are those of the other process
  paused_->handOver();
  http_.handOver();
  loop_.stop();
}

}  // namespace sluice::server
