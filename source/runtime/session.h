// One client's session: its addresses and its chain.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/chain/filter_chain.h"
#include "source/chain/session.h"
#include "source/runtime/evictable_sessions.h"
#include "source/runtime/generation.h"
#include "source/runtime/saved_session.h"
#include "source/runtime/session_activity.h"
#include "source/runtime/session_usage.h"
#include "source/runtime/tuples.h"

namespace sluice::runtime {

class SessionHost;

class Session final : public chain::Session, private chain::ChainEnds {
 public:
  // `bucket` decides which version of a chain serves the session.
  Session(SessionHost& host, uint64_t id, const net::Packet& first, WorkerPort& port,
          chain::ChainSpecPtr chain, uint32_t bucket, rooms::PlayerPtr player);
  // A session taken over from another process. `tuples` are those whose port exists; load() reads the rest.
  Session(SessionHost& host, const SavedSession& saved, Tuples tuples, WorkerPort& port,
          chain::ChainSpecPtr chain, rooms::PlayerPtr player);
  ~Session() override;

  uint64_t id() const override { return id_; }
  const net::Address& remote() const override { return tuples_.selected().remote; }
  const net::Address& local() const override { return tuples_.selected().local; }
  const rooms::PlayerPtr& player() const override { return player_; }
  const rooms::IceCredentials* iceCredentials(std::string_view local_ufrag) const override;
  bool authenticate(const net::Packet& check) override;
  bool isAuthenticated(const net::Packet& packet) const override;
  bool isAuthenticated(const net::Address& remote, const net::Address& local) const;
  bool isAuthenticated() const override { return authenticated_; }
  void unauthenticate() override;
  void select(const net::Address& remote, const net::Address& local) override;
  void keepAlive() override;
  void keepAliveUntil(Instant until) override { activity_.alive_until = until; }
  // A session is established when its client has authenticated, or, on a chain that does not authenticate,
  // when something was sent to it. Until then it may be evicted.
  bool isEstablished() const { return chain_.spec().authenticates ? authenticated_ : answered_; }
  void close(std::string_view reason) override;

  // Handles a datagram from the client; its `tuple` is set.
  void receive(net::PacketPtr&& packet);

  // Adds the address pair of a check.
  Tuples::Added addTuple(const net::Packet& packet, WorkerPort& port) { return tuples_.add(packet, port); }
  // `worker` mailed the packet, because it does not redirect this client yet.
  void redirectWhenAuthenticated(const net::Packet& packet, unsigned worker);
  // Switches to the worker's current generation. If its listener or chain was removed, the session stays
  // unchanged until the end of its drain.
  void adopt(const Generation& generation);
  struct Drain {
    Instant end = Instant::max();
    std::string_view reason;  // literal
  };
  const Drain& drain() const { return drain_; }

  void flush() { chain_.flush(); }
  // For a handover: save() in the old process, load() in the other one. The path of an error is the filter
  // that cannot continue.
  Result<SavedSession> save(Descriptors& descriptors);
  Status load(const SavedSession& saved, Descriptors& descriptors);
  bool isHandedOver() const override { return handed_over_; }
  void handOver() { handed_over_ = true; }

  bool isClosing() const { return !close_reason_.empty(); }
  std::string_view closeReason() const { return close_reason_; }
  const SessionActivity& activity() const { return activity_; }
  uint64_t generation() const { return generation_; }
  uint32_t bucket() const { return bucket_; }
  SessionUsage usage() const { return usage_; }
  const std::vector<Tuple>& tuples() const { return tuples_.all(); }
  const chain::FilterChain& chain() const { return chain_; }
  // The port on which the session's first packet arrived.
  WorkerPort& port() const { return *port_; }
  // Drops without a filter's name have a reason of the listener or NamedDrops::kOther.
  std::vector<chain::NamedDrops> drops() const { return chain_.drops(kListenerDropNames); }
  // Names are valid as long as the session's chain.
  std::vector<chain::RecentDrop> recentDrops(Duration within) const {
    return chain_.recentDrops(kListenerDropNames, within);
  }
  std::optional<chain::NamedDrop> lastDrop() const { return chain_.lastDrop(kListenerDropNames); }

 private:
  friend class SessionTable;
  friend class EvictableSessions;

  void leave(std::string_view reason, Duration drain);
  void drop(net::PacketPtr packet, ListenerDrop reason);
  void countIn(const chain::ChainSpec& chain, int64_t change);
  void onInnerEnd(net::PacketPtr&& packet) override;
  void onOuterEnd(net::PacketPtr&& packet) override;
  void sendExplicitly(net::PacketPtr packet);

  SessionHost& host_;
  const uint64_t id_;
  WorkerPort* const port_;
  const SessionUsage usage_;
  const rooms::PlayerPtr player_;
  Tuples tuples_;
  bool authenticated_;
  bool answered_ = false;
  SessionActivity activity_;
  uint64_t generation_;
  const uint32_t bucket_;
  std::string_view close_reason_;
  Drain drain_;
  bool handed_over_ = false;
  size_t table_index_ = 0;
  EvictableSessions::Entry evictable_;
  net::Address source_;       // the key that the table counts it under; unset: not counted
  chain::FilterChain chain_;  // last: the filters see a complete session
};

// The interface of a session to its worker.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual chain::Worker& worker() = 0;
  virtual const Generation& generation() const = 0;
  // The port of `sibling`'s listener that is bound to `local`; null if there is none.
  virtual WorkerPort* portAt(const WorkerPort& sibling, const net::Address& local) = 0;
  // The player's credentials with this ufrag; null if there are none.
  virtual const rooms::IceCredentials* iceCredentials(const rooms::Player& player,
                                                      std::string_view ufrag) const = 0;
  // Called for each authenticated check of the session.
  virtual void onCheck(Session& session, const net::Packet& check) = 0;
  // See Session::isEstablished().
  virtual void onEstablished(Session& session) = 0;
  // The client must authenticate again.
  virtual void onUnauthenticated(Session& session) = 0;
  // Notifies `worker`, so that it redirects packets from this authenticated address pair to this worker.
  virtual void onRedirect(const net::Packet& check, const Tuple& tuple, unsigned worker) = 0;
  virtual void onAdopted() = 0;
  // Called once; the session lives until the end of the loop's iteration.
  virtual void onClosing(Session& session) = 0;
};

}  // namespace sluice::runtime
