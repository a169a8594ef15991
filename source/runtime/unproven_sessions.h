// The sessions of one worker that may be anyone's: the client has not authenticated, or, on a chain that does
// not authenticate, nothing was ever sent to it. They make room for others when a limit is reached.
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

class UnprovenSessions {
 public:
  // A session's place here.
  struct Entry {
    using List = std::list<Session*>;
    List* of_listener = nullptr;  // null: the session is not here
    List::iterator in_listener;
    List::iterator in_source;
    net::Address customer;
    bool authenticates = false;  // its chain did when it came here; a reload may have changed that
    Instant since{};             // when it was put at the list's end
  };

  // `customer`: the client's IP address or IPv6 /64; unset for one behind a relay of ours.
  void add(Session& session, const net::Address& customer, Instant now);
  // Also when it is not here.
  void remove(Session& session);

  size_t size() const { return size_; }
  // Of chains that authenticate.
  size_t unauthenticated() const { return unauthenticated_; }

  // The session that makes room, null when there is none: the oldest of the listener that has most of them.
  // On chains that do not authenticate one whose client goes on sending stays before those that do not.
  Session* next();
  Session* nextUnauthenticated();
  Session* nextOfListener(const std::string& listener);
  // The oldest of one client's.
  Session* nextOfSource(const net::Address& customer) const;

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
