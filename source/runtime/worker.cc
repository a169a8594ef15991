#include "source/runtime/worker.h"

#include <pthread.h>

#include <algorithm>
#include <string>

#include "source/runtime/hairpin_port.h"

namespace sluice::runtime {

WorkerGroup::~WorkerGroup() {
  stop();
}

void WorkerGroup::stop() {
  for (auto& worker : workers) {
    worker->post([&worker] { worker->dispatcher_->closeAll("shutdown"); });
    worker->loop_.stop();
  }
  for (auto& worker : workers) {
    if (worker->thread_.joinable()) worker->thread_.join();
  }
  // Packets in the mailboxes must be released before the pools that they belong to.
  for (auto& worker : workers) worker->mailbox_.reset();
  workers.clear();
}

WorkerThread::WorkerThread(const WorkerOptions& options, WorkerGroup& group)
    : options_(options),
      group_(group),
      pool_(options.max_packets),
      loop_(options.coalesce),
      network_(options.network(loop_, pool_)),
      to_wake_(options.count, false) {
  dispatcher_ = std::make_unique<Dispatcher>(Dispatcher::Options{
      .worker = *this,
      .loop = loop_,
      .total_sessions = group.total_sessions,
      .deliver =
          [](chain::Worker& receiver, net::PacketPtr&& packet) {
            static_cast<WorkerThread&>(receiver).dispatcher().onMailed(std::move(packet));
          },
      .redirect =
          [](chain::Worker& receiver, net::PacketPtr&& packet) {
            static_cast<WorkerThread&>(receiver).dispatcher().onRedirectMailed(std::move(packet));
          },
      .player_gone =
          [this](const Session& session) {
            const PlayerGone gone{.player = session.player(),
                                  .reason = session.closeReason(),
                                  .remote = session.remote(),
                                  .age = clock().now() - session.activity().created,
                                  .packets_in = session.activity().packets_in,
                                  .packets_out = session.activity().packets_out};
            postToMain([this, gone] { group_.player_gone(gone); });
          },
  });
  loop_.onWake([this] { drainMailbox(); });
}

WorkerThread::~WorkerThread() = default;

void WorkerThread::start() {
  thread_ = std::thread([this] { run(); });
}

void WorkerThread::run() {
  pthread_setname_np(pthread_self(), ("worker-" + std::to_string(options_.index)).c_str());
  if (options_.pin) pin();
  pool_.adopt();
  sweep_ = std::make_unique<net::Timer>(loop_.timers(), [this] {
    dispatcher_->sweep();
    busy_.read(loop_.clock().now(), loop_.busy());
    sweep_->arm(SessionSweep::kInterval);
  });
  sweep_->arm(SessionSweep::kInterval);
  loop_.run();

  sweep_.reset();
  dispatcher_.reset();
  loop_.cancelIterationEnd(*this);
  loop_.cancelIterationEnd(hairpin_delivery_);
  clearLocals();
}

void WorkerThread::pin() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(options_.index % std::max(1u, std::thread::hardware_concurrency()), &cores);
  pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
}

void WorkerThread::publish(GenerationPtr generation, PortChanges ports, std::function<void()> then) {
  const auto changes = std::make_shared<PortChanges>(std::move(ports));  // a task must be copyable
  post([this, generation = std::move(generation), changes, then = std::move(then)] {
    hairpin_.setMachineAddresses(generation->machine);
    for (NewPort& fresh : changes->added) addPort(std::move(fresh));
    for (const uint16_t id : changes->drained) dispatcher_->drainPort(id);
    for (const auto& [id, listener] : changes->revived) dispatcher_->revivePort(id, listener);
    dispatcher_->setGeneration(generation);
    if (then) then();
  });
}

void WorkerThread::removePort(uint16_t id) {
  post([this, id] { dispatcher_->removePort(id, "listener_removed"); });
}

void WorkerThread::addPort(NewPort fresh) {
  ListenerStats* stats = fresh.listener->stats[options_.index];
  auto port = std::make_unique<WorkerPort>(fresh.id, fresh.listener, stats, *dispatcher_);
  net::UdpOptions options = fresh.listener->socket;
  options.stats = &stats->udp;
  port->udp = network_->open(std::move(fresh.socket), options, *port);
  const auto hairpin_id = static_cast<uint16_t>(fresh.id | WorkerPort::kHairpin);
  auto hairpin = std::make_unique<WorkerPort>(hairpin_id, fresh.listener, stats, *dispatcher_);
  hairpin->udp = std::make_unique<HairpinPort>(hairpin_, *port->udp, *hairpin, stats);
  dispatcher_->addPort(std::move(hairpin));
  dispatcher_->addPort(std::move(port));
}

bool WorkerThread::mail(unsigned to, Deliver deliver, net::PacketPtr& packet) {
  if (!group_.workers[to]->mailbox_->push(deliver, packet)) {
    mailbox_full_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  to_wake_[to] = true;
  loop_.atIterationEnd(*this);
  return true;
}

void WorkerThread::onIterationEnd() {
  for (unsigned i = 0; i < options_.count; ++i) {
    if (!to_wake_[i]) continue;
    to_wake_[i] = false;
    group_.workers[i]->loop_.wake();
  }
}

void WorkerThread::retire() {
  dispatcher_->handOver();
  clearLocals();  // including sockets shared by sessions
}

void WorkerThread::finishIteration() {
  Mail mail;
  while (mailbox_->pop(mail)) mail.deliver(*this, std::move(mail.packet));
  loop_.finishIteration();
}

void WorkerThread::drainMailbox() {
  Mail mail;
  for (size_t left = kMailPerIteration; left > 0; --left) {
    if (!mailbox_->pop(mail)) return;
    mail.deliver(*this, std::move(mail.packet));
  }
  loop_.wake();  // to handle the rest after the sockets have been read
}

}  // namespace sluice::runtime
