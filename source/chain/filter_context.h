// A filter passes packets on and reaches its session and worker through its context. One per filter and
// session; lives as long as the filter. Filters use it through a TypedContext, which has their statistics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "source/base/clock.h"
#include "source/chain/drop_counts.h"
#include "source/chain/session.h"
#include "source/chain/worker.h"
#include "source/net/packet.h"
#include "source/stats/schema.h"

namespace sluice::chain {

using net::PacketPtr;

class Filter;
class FilterChain;
struct FilterSpec;

class FilterContext {
 public:
  // `drops` belongs to the session.
  FilterContext(FilterChain& chain, Session& session, Worker& worker, stats::FilterStats& stats,
                DropCounts& drops)
      : chain_(chain), session_(session), worker_(worker), stats_(&stats), drops_(drops) {}
  FilterContext(const FilterContext&) = delete;
  FilterContext& operator=(const FilterContext&) = delete;

  // Pass the packet to the next filter, inward or outward.
  void ingress(PacketPtr&& packet);
  void egress(PacketPtr&& packet);

  // Drops the packet. `reason` is an index into the filter's schema, as are `counter` and `histogram` below.
  void drop(PacketPtr packet, size_t reason) {
    countDrop(reason);
    packet->settle();
  }
  // Counts a drop of a packet that could not be created.
  void countDrop(size_t reason) {
    stats_->drops[reason].add();
    drops_.add(this, static_cast<uint32_t>(reason), now());
  }
  // Settles a packet that was meant for this filter.
  void consume(PacketPtr packet) { packet->settle(); }

  // An empty packet to fill and pass on, or null when the worker's pool is exhausted.
  PacketPtr packet() { return worker_.pool().acquire(); }
  Instant now() const { return worker_.clock().now(); }
  net::TimerQueue& timers() { return worker_.timers(); }

  void count(size_t counter, uint64_t n) { stats_->counters[counter].add(n); }
  void record(size_t histogram, Duration duration) { stats_->histograms[histogram].record(duration); }

  // This filter's counters on this worker; they live as long as the process.
  stats::FilterStats& stats() { return *stats_; }

  Session& session() { return session_; }
  const Session& session() const { return session_; }
  Worker& worker() { return worker_; }

  // Notifies every filter of the chain; see Filter::onAuthenticated().
  void announceAuthenticated(const net::Address& remote);

 private:
  friend class FilterChain;

  // The destination of packets in one direction.
  struct Hop {
    FilterContext* next = nullptr;         // null: the end of the chain
    std::span<const FilterSpec> passed{};  // filters before it that are not entered in this direction
  };

  FilterChain& chain_;
  Session& session_;
  Worker& worker_;
  stats::FilterStats* stats_;
  DropCounts& drops_;
  Hop inward_;
  Hop outward_;
  Filter* filter_ = nullptr;
};

}  // namespace sluice::chain
