// A worker's sessions, found by address pair and by ICE username. Bounded by its limits.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "source/runtime/session.h"
#include "source/runtime/tuple_key.h"

namespace sluice::runtime {

// A session, and the index of one of its address pairs.
struct SessionTuple {
  Session* session = nullptr;
  uint8_t tuple = 0;
};

class SessionTable {
 public:
  // The session is null if there is none.
  SessionTuple find(const TupleKey& key) const;
  Session* find(const rooms::Player& player) const;

  // The number of sessions from this client's IP address, or IPv6 /64.
  size_t fromSource(const net::Address& remote) const;

  Session& add(std::unique_ptr<Session> session);
  // Assigns the packet's address pair to the session, even if another session had it.
  SessionTuple addTuple(Session& session, const net::Packet& packet, WorkerPort& port);
  // Removes the address, until a check adds it again.
  void forget(const TupleKey& key) { by_tuple_.erase(key); }
  // Assigns the address to this session again.
  void giveBack(const TupleKey& key, SessionTuple owner) { by_tuple_[key] = owner; }
  void onEstablished(Session& session) { evictable_.remove(session); }
  void onUnauthenticated(Session& session, Instant now) { evictable_.add(session, session.source_, now); }
  void remove(Session& session);

  size_t size() const { return sessions_.size(); }
  EvictableSessions& evictable() { return evictable_; }
  const EvictableSessions& evictable() const { return evictable_; }

  const std::vector<std::unique_ptr<Session>>& all() const { return sessions_; }

 private:
  void forgetTuple(const Tuple& tuple, const Session& session);

  std::vector<std::unique_ptr<Session>> sessions_;  // each session has its index
  std::unordered_map<TupleKey, SessionTuple, TupleKeyHash> by_tuple_;
  std::unordered_map<const rooms::Player*, Session*> by_player_;
  std::unordered_map<net::Address, size_t> by_source_;
  EvictableSessions evictable_;
};

}  // namespace sluice::runtime
