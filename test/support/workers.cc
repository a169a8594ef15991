#include "test/support/workers.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "filters/builtin.h"
#include "source/config/load.h"
#include "source/crypto/certificate.h"
#include "source/crypto/dtls.h"
#include "test/support/worker_threads.h"

namespace sluice::test {

Workers::Workers(const std::string& text, unsigned count, net::UdpNetworkFactory network)
    : directory_({}, count, clock_),
      registry_(builtinFilters()),
      stats_(count),
      dtls_(crypto::DtlsContext::make(crypto::Certificate::generate())) {
  start(text, count, network);
  const auto& listener = generation_->listeners.front();
  net::Address local = listener->addresses.front();
  for (auto& worker : group_.workers) {
    auto socket = worker->network().reserve(local, listener->socket);
    REQUIRE(socket.ok());
    address_ = local = (*socket)->local();
    sockets_.push_back((*socket)->descriptor());
    worker->publish(generation_, firstPort(*std::move(socket), listener));
  }
}

runtime::PortChanges Workers::firstPort(std::unique_ptr<net::UdpReservation> socket,
                                        const runtime::ListenerSpecPtr& listener) {
  runtime::PortChanges changes;
  changes.added.push_back({1, std::move(socket), listener});
  return changes;
}

Workers::Workers(const std::string& text, Workers& before, runtime::PausedWorkers& paused,
                 runtime::LoadingWorkers& loading)
    : directory_({}, before.count(), clock_),
      registry_(builtinFilters()),
      stats_(before.count()),
      dtls_(before.dtls_) {
  start(text, before.count(), net::makeSocketNetwork);
  address_ = before.address_;
  std::vector<runtime::WorkerState> states = paused.save();
  before.runMain();
  Descriptors none;
  Archive out(none);
  before.process_.archive(out);
  before.directory_.archive(out);
  const std::string bytes = out.takeBytes();
  Archive in(asBytes(bytes), none);
  process_.archive(in);
  directory_.archive(in);
  REQUIRE(in.ok());
  for (const auto& room : directory_.rooms()) {
    for (const auto& player : room.players) announce(player);
  }
  const auto& listener = generation_->listeners.front();
  for (unsigned i = 0; i < count(); ++i) {
    for (int& fd : states[i].descriptors) fd = dup(fd);  // as a message does
    sockets_.push_back(dup(before.sockets_[i]));
    runtime::WorkerThread& worker = *group_.workers[i];
    worker.publish(generation_, firstPort(worker.network().adopt(sockets_[i]), listener),
                   loading.load(worker, std::move(states[i])));
  }
}

void Workers::start(const std::string& text, unsigned count, const net::UdpNetworkFactory& network) {
  group_.post_to_main = [this](std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  };
  group_.player_gone = [this](const runtime::PlayerGone& gone) { directory_.leave(gone.player); };
  addWorkers(group_, count, network);
  generation_ = build(text);
}

Workers::~Workers() {
  group_.stop();
}

runtime::GenerationPtr Workers::build(const std::string& text) {
  auto bootstrap = config::parse(text, config::Format::kText, "test");
  REQUIRE_MESSAGE(bootstrap.ok(), (bootstrap.ok() ? "" : toString(bootstrap.errors())));
  auto built = config::build({.bootstrap = *bootstrap,
                              .directory = ".",
                              .registry = registry_,
                              .rooms = directory_,
                              .process = process_,
                              .dtls = dtls_,
                              .concurrency = std::nullopt,
                              .stats = stats_,
                              .machine = *net::machineAddresses(),
                              .discovered = {},
                              .previous = generation_.get(),
                              .version = ++version_,
                              .now = clock_.now()});
  REQUIRE_MESSAGE(built.ok(), (built.ok() ? "" : toString(built.errors())));
  return built->generation;
}

void Workers::reload(const std::string& text) {
  generation_ = build(text);
  for (auto& worker : group_.workers) worker->publish(generation_, {});
}

void Workers::on(unsigned worker, const std::function<void(runtime::WorkerThread&)>& task) {
  runOn(*group_.workers[worker], [&] { task(*group_.workers[worker]); });
}

uint64_t Workers::dropped(runtime::ListenerDrop reason) const {
  uint64_t total = 0;
  for (const auto* stats : generation_->listeners.front()->stats) {
    total += stats->drops[static_cast<size_t>(reason)].value();
  }
  return total;
}

uint64_t Workers::unaccounted() const {
  uint64_t total = 0;
  for (const auto& worker : group_.workers) total += worker->packets().unaccounted();
  return total;
}

void Workers::announce(const rooms::PlayerPtr& player) {
  for (unsigned i = 0; i < count(); ++i) {
    on(i, [&](runtime::WorkerThread& worker) { worker.dispatcher().addPlayer(player); });
  }
}

void Workers::runMain() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

}  // namespace sluice::test
