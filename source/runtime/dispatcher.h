// Finds the session of each datagram on one worker: by address pair, then by ICE username; otherwise the
// datagram may open a new session.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "source/net/event_loop.h"
#include "source/runtime/ice_table.h"
#include "source/runtime/redirects.h"
#include "source/runtime/session_sweep.h"
#include "source/runtime/session_table.h"
#include "source/runtime/worker_ports.h"

namespace sluice::runtime {

class Dispatcher final : public SessionHost, private net::IterationEnd {
 public:
  struct Options {
    chain::Worker& worker;
    net::EventLoop& loop;
    std::atomic<size_t>& total_sessions;  // of all workers
    chain::Worker::Deliver deliver;       // calls onMailed() of another worker's dispatcher
    chain::Worker::Deliver redirect;      // calls onRedirectMailed() of another worker's dispatcher
    std::function<void(const Session&)> player_gone;  // called when a player's session ends
  };
  explicit Dispatcher(Options options);
  ~Dispatcher() override;

  // The port lives as long as a session may use it. The ids are those of addresses: WorkerPort::addressId().
  void addPort(std::unique_ptr<WorkerPort> port) { ports_.add(std::move(port)); }
  // drainPort(): the address takes no new sessions. revivePort(): the address takes new sessions again, as
  // one of `listener`.
  void drainPort(uint16_t id) { ports_.drain(id); }
  void revivePort(uint16_t id, const ListenerSpecPtr& listener);
  // Closes the address and its sessions with `reason`.
  void removePort(uint16_t id, std::string_view reason);

  void setGeneration(GenerationPtr generation);
  void setDraining(bool draining) { draining_ = draining; }
  void closeAll(std::string_view reason);

  // Notifications from signalling: the player's ICE username may begin a session from now on, or no longer.
  void addPlayer(const rooms::PlayerPtr& player);
  void removePlayer(const rooms::PlayerPtr& player);
  // The player's client restarts ICE (RFC 8445 section 9): these credentials are valid too. The previous ones
  // stay valid until the first authenticated check with the new ones.
  void addCredentials(const rooms::PlayerPtr& player, const rooms::IceCredentials& ice);

  // A datagram that `port` received.
  void onDatagram(WorkerPort& port, net::PacketPtr&& packet) { dispatch(port, std::move(packet), nullptr); }
  // A datagram that another worker's socket received for a session of this worker.
  void onMailed(net::PacketPtr&& packet);
  // Another worker's notification that it owns the session of the client at the packet's addresses.
  void onRedirectMailed(net::PacketPtr&& packet);

  // Call it every SessionSweep::kInterval.
  void sweep() { sweep_.run(*generation_, worker().clock().now()); }

  // Makes every session send the packets that it holds back.
  void flush();
  // For a handover to another process: the state of all sessions. Sessions that cannot be handed over are
  // named in the result and stay.
  SavedWorker save(Descriptors& descriptors);
  // Loads into a dispatcher without sessions; returns the sessions that could not continue.
  std::vector<LostSession> load(const SavedWorker& saved, Descriptors& descriptors);
  // Another process owns the sessions and ports now: the sessions end here without sending anything, and no
  // port is read again.
  void handOver();

  // Time from a generation's publication until the last session had adopted it.
  const stats::Histogram& adoption() const { return adoption_; }
  // Packets from another worker for a port that no longer exists.
  uint64_t mailLost() const { return mail_lost_.value(); }

  const SessionTable& sessions() const { return sessions_; }

  chain::Worker& worker() override { return options_.worker; }
  const Generation& generation() const override { return *generation_; }
  WorkerPort* portAt(const WorkerPort& sibling, const net::Address& local) override {
    return ports_.at(sibling, local);
  }

 private:
  // The note that a worker attaches to a mailed datagram.
  struct MailNote {
    unsigned from;
    bool redirects;  // that worker already redirects the client
  };

  Status load(const SavedSession& saved, Descriptors& descriptors);
  Session& adopt(std::unique_ptr<Session> session);

  const rooms::IceCredentials* iceCredentials(const rooms::Player& player,
                                              std::string_view ufrag) const override;
  void onCheck(Session& session, const net::Packet& check) override;
  void onEstablished(Session& session) override { sessions_.onEstablished(session); }
  void onUnauthenticated(Session& session) override {
    sessions_.onUnauthenticated(session, worker().clock().now());
  }
  void onRedirect(const net::Packet& check, const Tuple& tuple, unsigned at) override;
  void onAdopted() override;
  void onClosing(Session& session) override;
  void onIterationEnd() override;

  // `by`: the note of the worker that mailed the packet; null if it arrived at a socket of this worker.
  void dispatch(WorkerPort& port, net::PacketPtr&& packet, const MailNote* by);
  SessionTuple admit(WorkerPort& port, net::PacketPtr& packet, const MailNote* by);
  SessionTuple admitPlayer(WorkerPort& port, net::PacketPtr& packet, const rooms::PlayerPtr& player,
                           const MailNote* by);
  bool isSuperseded(const Session& session, const net::Packet& packet) const;
  bool authenticatesAnother(const Session& session, const net::Packet& packet) const;
  bool forwardToOwner(WorkerPort& port, net::PacketPtr& packet, const MailNote* by);
  Session* open(WorkerPort& port, net::PacketPtr& packet, rooms::PlayerPtr player);
  std::optional<ListenerDrop> enforceLimits(WorkerPort& port, const net::Packet& packet,
                                            bool unauthenticated);
  bool evict(Session* session);
  void mail(unsigned owner, WorkerPort& port, net::PacketPtr& packet);
  void drop(WorkerPort& port, net::PacketPtr& packet, ListenerDrop reason);
  void end(Session& session);

  Options options_;
  GenerationPtr generation_ = std::make_shared<Generation>();
  WorkerPorts ports_;
  SessionTable sessions_;
  IceTable ice_;
  Redirects redirects_;
  std::vector<Session*> closing_;
  SessionSweep sweep_{sessions_};
  size_t behind_ = 0;  // sessions that have not adopted the generation yet
  stats::Histogram adoption_;
  stats::Counter mail_lost_;
  bool draining_ = false;
};

}  // namespace sluice::runtime
