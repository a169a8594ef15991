// From a datagram to its session, on one worker: by address pair, then by ICE username, else admission.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "source/net/event_loop.h"
#include "source/runtime/ice_table.h"
#include "source/runtime/redirects.h"
#include "source/runtime/session_table.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {

class Dispatcher final : public WorkerPort::Sink, public SessionHost, private net::IterationEnd {
 public:
  struct Options {
    chain::Worker& worker;
    net::EventLoop& loop;
    std::atomic<size_t>& total_sessions;  // of all workers
    chain::Worker::Deliver deliver;       // leads to onMailed() of another worker's dispatcher
    chain::Worker::Deliver redirect;      // leads to onRedirectMailed() of another worker's dispatcher
    std::function<void(const Session&)> player_gone;  // it is a player's, and ends
  };
  explicit Dispatcher(Options options);
  ~Dispatcher() override;

  // Lives as long as a session may use it.
  void addPort(std::unique_ptr<WorkerPort> port);
  // Takes no new sessions, or does so again, as one of `listener`.
  void drainPort(uint16_t id);
  void revivePort(uint16_t id, const ListenerSpecPtr& listener);
  // Its sessions end with `reason`.
  void removePort(uint16_t id, std::string_view reason);

  void setGeneration(GenerationPtr generation);
  void setDraining(bool draining) { draining_ = draining; }
  void closeAll(std::string_view reason);

  // Signalling's news: from now on this player's ICE username begins a session, or no longer does.
  void addPlayer(const rooms::PlayerPtr& player);
  void removePlayer(const rooms::PlayerPtr& player);
  // The player's client restarts ICE (RFC 8445 section 9): these credentials count too. The ones before count
  // until a check has proven the new ones.
  void addCredentials(const rooms::PlayerPtr& player, const rooms::IceCredentials& ice);

  void onDatagram(WorkerPort& port, net::PacketPtr&& packet) override;
  // A datagram that another worker's socket received, for a session that we own.
  void onMailed(net::PacketPtr&& packet);
  // Another worker owns the session of the client whose addresses the packet has.
  void onRedirectMailed(net::PacketPtr&& packet);

  // Ends what is idle or unproven for too long and moves sessions to the current generation; a bounded number
  // a call. Call it every kSweepInterval.
  void sweep();
  static constexpr Duration kSweepInterval = 100ms;

  // No session holds a packet back any longer.
  void flush();
  // For another process: all that goes on there. What cannot is named, and stays.
  SavedWorker save(Descriptors& descriptors);
  // Into a dispatcher without sessions; names what could not go on.
  std::vector<LostSession> load(const SavedWorker& saved, Descriptors& descriptors);
  // Sessions and ports are another process' now: they end here without a word, and no port is read again.
  void handOver();

  // From a generation's publication until the last session had adopted it.
  const stats::Histogram& adoption() const { return adoption_; }

  const SessionTable& sessions() const { return sessions_; }

  chain::Worker& worker() override { return options_.worker; }
  const Generation& generation() const override { return *generation_; }
  WorkerPort* portAt(const WorkerPort& sibling, const net::Address& local) override;

 private:
  // What a mailed datagram says of the worker that mailed it.
  struct MailNote {
    unsigned from;
    bool redirects;  // it has an entry for the client already
  };

  WorkerPort* portOf(uint16_t id) const;
  Status load(const SavedSession& saved, Descriptors& descriptors);
  Session& adopt(std::unique_ptr<Session> session);

  const rooms::IceCredentials* iceCredentials(const rooms::Player& player,
                                              std::string_view ufrag) const override;
  void onCheck(Session& session, const net::Packet& check) override;
  void onProven(Session& session) override { sessions_.onProven(session); }
  void onUnproven(Session& session) override { sessions_.onUnproven(session, worker().clock().now()); }
  void onRedirect(const net::Packet& check, const Tuple& tuple, unsigned at) override;
  void onAdopted() override;
  void onClosing(Session& session) override;
  void onIterationEnd() override;

  // `by`: the worker that mailed the packet; null when it came through a socket of this one.
  void dispatch(WorkerPort& port, net::PacketPtr&& packet, const MailNote* by);
  Session* admit(WorkerPort& port, net::PacketPtr& packet, const MailNote* by);
  Session* admitPlayer(WorkerPort& port, net::PacketPtr& packet, const rooms::PlayerPtr& player,
                       const MailNote* by);
  bool isSuperseded(const Session& session, const net::Packet& packet) const;
  bool provesAnother(const Session& session, const net::Packet& packet) const;
  bool forwardToOwner(WorkerPort& port, net::PacketPtr& packet, const MailNote* by);
  Session* open(WorkerPort& port, net::PacketPtr& packet, rooms::PlayerPtr player);
  std::optional<ListenerDrop> enforceLimits(WorkerPort& port, const net::Packet& packet,
                                            bool unauthenticated);
  bool evict(Session* session);
  void mail(unsigned owner, WorkerPort& port, net::PacketPtr& packet);
  void drop(WorkerPort& port, net::PacketPtr& packet, ListenerDrop reason);
  void examine(Session& session, Instant now);
  void end(Session& session);

  Options options_;
  GenerationPtr generation_ = std::make_shared<Generation>();
  std::vector<std::unique_ptr<WorkerPort>> ports_;
  SessionTable sessions_;
  IceTable ice_;
  Redirects redirects_;
  std::vector<Session*> closing_;
  size_t sweep_at_ = 0;
  size_t behind_ = 0;  // sessions that have not adopted the generation
  stats::Histogram adoption_;
  bool draining_ = false;
};

}  // namespace sluice::runtime
