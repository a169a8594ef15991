// The sessions of one worker that may be evicted when a limit is reached: the client has not authenticated,
// or, on a chain that does not authenticate, nothing was ever sent to it.
#pragma once

#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "source/base/clock.h"
#include "source/net/address.h"

namespace sluice::runtime {

class Session;

class EvictableSessions {
 public:
  // A session's position in the lists.
  struct Entry {
    using List = std::list<Session*>;
    List* of_listener = nullptr;  // null: the session is not listed
    List::iterator in_listener;
    List::iterator in_source;
    net::Address site;
    bool authenticates = false;  // whether its chain did when it was added; a reload may have changed that
    Instant since{};             // when it was last put at the end of the list
  };

  // The session is the newest then, also if it is already listed, as one is whose chain did not authenticate
  // before a reload. `site`: the client's IP address or IPv6 /64; unset for a client behind a relay of this
  // process.
  void add(Session& session, const net::Address& site, Instant now);
  // Does nothing if the session is not listed.
  void remove(Session& session);

  static bool contains(const Session& session);
  size_t size() const { return size_; }
  // The number of sessions on chains that authenticate.
  size_t unauthenticated() const { return unauthenticated_; }

  // The session to evict, or null if there is none: the oldest of the listener that has the most. On chains
  // that do not authenticate, sessions whose clients keep sending are spared longer than silent ones.
  Session* next();
  Session* nextUnauthenticated();
  Session* nextOfListener(const std::string& listener);
  // The oldest session of one client.
  Session* nextOfSource(const net::Address& site) const;

 private:
  using Key = std::pair<std::string, bool>;  // listener; whether the chain authenticates
  static Entry& entryOf(Session& session);
  template <typename Wanted>
  Session* nextOf(Wanted wanted);
  Session* nextIn(Entry::List& list);

  std::map<Key, Entry::List> by_listener_;  // oldest first
  std::unordered_map<net::Address, Entry::List> by_source_;
  size_t size_ = 0;
  size_t unauthenticated_ = 0;
};

}  // namespace sluice::runtime
