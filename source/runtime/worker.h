// A worker: one thread, one loop, with its own sockets, packet pool and sessions.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "source/chain/worker.h"
#include "source/net/busy_meter.h"
#include "source/net/event_loop.h"
#include "source/net/udp_socket.h"
#include "source/runtime/dispatcher.h"
#include "source/runtime/mailbox.h"

namespace sluice::runtime {

class WorkerThread;

// The end of a player's session.
struct PlayerGone {
  rooms::PlayerPtr player;
  std::string_view reason;  // literal: Session::closeReason()
  net::Address remote;      // the last address to which its packets were sent
  Duration age;
  uint64_t packets_in;
  uint64_t packets_out;
};

// State that the workers share. Outlives them.
struct WorkerGroup {
  WorkerGroup() = default;
  ~WorkerGroup();
  // Ends all sessions, then all threads.
  void stop();

  std::vector<std::unique_ptr<WorkerThread>> workers;
  std::atomic<size_t> total_sessions{0};
  std::function<void(std::function<void()>)> post_to_main;  // from any thread
  std::function<void(const PlayerGone&)> player_gone;       // on the main thread
};

struct WorkerOptions {
  unsigned index = 0;
  unsigned count = 1;
  size_t max_packets = 32'768;
  bool pin = false;
  Duration coalesce{};
  net::UdpNetworkFactory network = net::makeSocketNetwork;  // called on the main thread
};

// A bound address of a listener, for one worker.
struct NewPort {
  uint16_t id;
  std::unique_ptr<net::UdpReservation> socket;
  ListenerSpecPtr listener;
};

// Changes to the listeners' ports of one worker. Movable.
struct PortChanges {
  struct Revived {
    uint16_t id;
    ListenerSpecPtr listener;
  };
  std::vector<NewPort> added;
  std::vector<uint16_t> drained;
  std::vector<Revived> revived;
};

class WorkerThread final : public chain::Worker, private net::IterationEnd {
 public:
  WorkerThread(const WorkerOptions& options, WorkerGroup& group);
  ~WorkerThread() override;

  // Called on the main thread.
  void start();
  void post(std::function<void()> task) { loop_.post(std::move(task)); }
  // `then` runs before any packet is read.
  void publish(GenerationPtr generation, PortChanges ports, std::function<void()> then = {});
  void removePort(uint16_t id);

  // Called on the worker's thread (use post()).
  Dispatcher& dispatcher() { return *dispatcher_; }
  // Stops reading: another process owns the sessions and ports now.
  void retire();
  // Delivers all mail and runs all work for the end of the iteration.
  void finishIteration();

  // From any thread.
  Duration busy() const { return loop_.busy(); }
  uint64_t pauses() const { return loop_.pauses(); }
  uint64_t mailboxFull() const { return mailbox_full_.load(std::memory_order_relaxed); }
  uint64_t hairpinLost() const { return hairpin_.lost(); }
  const net::PacketPool& packets() const { return pool_; }

  unsigned index() const override { return options_.index; }
  unsigned count() const override { return options_.count; }
  net::PacketPool& pool() override { return pool_; }
  const Clock& clock() const override { return const_cast<net::EventLoop&>(loop_).clock(); }
  net::TimerQueue& timers() override { return loop_.timers(); }
  net::UdpNetwork& network() override { return *network_; }
  net::Hairpin& hairpin() override { return hairpin_; }
  double busyShare() const override { return busy_.share(); }  // from any thread
  void postToMain(std::function<void()> task) override { group_.post_to_main(std::move(task)); }
  bool mail(unsigned to, Deliver deliver, net::PacketPtr& packet) override;

 private:
  friend struct WorkerGroup;
  static constexpr size_t kMailboxCapacity = 8192;
  static constexpr size_t kMailPerIteration = 1024;

  void run();
  void pin();
  void drainMailbox();
  void onIterationEnd() override;
  void addPort(NewPort fresh);

  // Delivers packets between ports of this worker.
  struct HairpinDelivery final : net::IterationEnd {
    explicit HairpinDelivery(net::Hairpin& target) : hairpin(target) {}
    void onIterationEnd() override { hairpin.deliver(); }
    net::Hairpin& hairpin;
  };

  const WorkerOptions options_;
  WorkerGroup& group_;
  net::PacketPool pool_;
  net::EventLoop loop_;
  const std::unique_ptr<net::UdpNetwork> network_;
  net::Hairpin hairpin_{[this] { loop_.atIterationEnd(hairpin_delivery_); }};
  HairpinDelivery hairpin_delivery_{hairpin_};
  std::unique_ptr<Mailbox> mailbox_ = std::make_unique<Mailbox>(kMailboxCapacity);
  std::atomic<uint64_t> mailbox_full_{0};
  std::vector<bool> to_wake_;  // workers that got mail in this iteration
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<net::Timer> sweep_;
  net::BusyMeter busy_;
  std::thread thread_;
};

}  // namespace sluice::runtime
