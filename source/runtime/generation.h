// One whole configuration as the workers run it: immutable, built on the main thread, published to every
// worker. Sockets and sessions do not belong to a generation.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/chain/filter_spec.h"
#include "source/net/address.h"
#include "source/net/udp.h"

namespace sluice::runtime {

// Why a datagram at a listener was dropped outside the chains.
enum class ListenerDrop : uint8_t {
  kNoSession,      // unknown client, and only STUN may begin a session here
  kNoChain,        // no chain matches the client
  kSessionLimit,   // total sessions
  kSourceLimit,    // sessions from this address
  kListenerLimit,  // sessions of this listener
  kDraining,       // no new sessions while draining
  kMailboxFull,    // the owning worker is too far behind
  kNoTuple,        // no tuple of the session, or source not bound by the listener
  kUnhandled,      // no filter took it
  kClosing,        // its session ends in this iteration of the loop
  kCount,
};
inline constexpr std::array<std::string_view, static_cast<size_t>(ListenerDrop::kCount)> kListenerDropNames =
    {"no_session", "no_chain",     "session_limit", "source_limit", "listener_limit",
     "draining",   "mailbox_full", "no_tuple",      "unhandled",    "session_closing"};
static_assert(!kListenerDropNames.back().empty());

// Counts by a reason known only when it occurs. One writer; reasons are literals, so pointers to them stay
// valid. When all places are in use, further reasons are counted together as "other".
class ReasonCounters {
 public:
  void count(std::string_view reason) {
    for (Place& place : places_) {
      const char* name = place.name.load(std::memory_order_relaxed);
      if (name == nullptr) place.name.store(name = reason.data(), std::memory_order_release);
      if (reason == name) return place.count.add();
    }
    other_.add();
  }
  template <typename Visit>
  void forEach(Visit visit) const {
    for (const Place& place : places_) {
      if (const char* name = place.name.load(std::memory_order_acquire))
        visit(std::string_view(name), place.count.value());
    }
    if (other_.value() > 0) visit(std::string_view("other"), other_.value());
  }

 private:
  struct Place {
    std::atomic<const char*> name{nullptr};
    stats::Counter count;
  };
  std::array<Place, 32> places_;
  stats::Counter other_;
};

// Written by one worker.
struct ListenerStats {
  net::UdpStats udp;
  std::array<stats::Counter, kListenerDropNames.size()> drops;
  stats::Counter sessions_opened;
  stats::Counter sessions_evicted;  // see EvictableSessions
  stats::Gauge sessions;
  ReasonCounters closed;  // sessions, by Session::closeReason()

  void drop(ListenerDrop reason) { drops[static_cast<size_t>(reason)].add(); }
};

struct ListenerSpec {
  std::string name;
  std::vector<net::Address> addresses;
  std::vector<chain::ChainSpecPtr> chains;  // first match wins
  Duration idle_timeout{};
  size_t max_sessions = SIZE_MAX;  // in total on all workers
  net::UdpOptions socket;
  std::vector<ListenerStats*> stats;  // by worker
};
using ListenerSpecPtr = std::shared_ptr<const ListenerSpec>;

// As configured: totals, except per_source, which each worker counts for itself.
struct SessionLimits {
  size_t sessions = SIZE_MAX;
  size_t per_source = SIZE_MAX;
  size_t unauthenticated = SIZE_MAX;
  Duration authentication_timeout = Duration::max();
};

struct Generation {
  uint64_t version = 0;
  std::vector<ListenerSpecPtr> listeners;
  SessionLimits limits;
  Duration drain{};                // how long sessions may stay after their chain or listener is removed
  Instant published{};             // when the workers were notified
  std::set<net::Address> machine;  // this machine's IP addresses, which wildcard listeners cover; port 0
  rooms::RepairFeatures repair;    // features that players may negotiate, whichever chain serves them

  const ListenerSpec* find(std::string_view listener) const {
    for (const ListenerSpecPtr& spec : listeners) {
      if (spec->name == listener) return spec.get();
    }
    return nullptr;
  }
};
using GenerationPtr = std::shared_ptr<const Generation>;

}  // namespace sluice::runtime
