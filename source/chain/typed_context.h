// A filter's context with the enums of its statistics: an enumerator of another enum does not compile.
#pragma once

#include <cstdint>
#include <utility>

#include "source/chain/filter_context.h"
#include "source/stats/typed_schema.h"

namespace sluice::chain {

// `Schema` is a stats::Schema. A copy refers to the same context, which must outlive it.
template <typename Schema>
class TypedContext {
 public:
  using Drop = typename Schema::Drop;
  using Count = typename Schema::Count;
  using Record = typename Schema::Record;

  explicit TypedContext(FilterContext& context) : context_(&context) {}

  // Pass the packet to the next filter, inward or outward.
  void ingress(PacketPtr&& packet) { context_->ingress(std::move(packet)); }
  void egress(PacketPtr&& packet) { context_->egress(std::move(packet)); }
  // Drops the packet with a reason.
  void drop(PacketPtr packet, Drop reason) { context_->drop(std::move(packet), static_cast<size_t>(reason)); }
  // Counts a drop of a packet that could not be created.
  void countDrop(Drop reason) { context_->countDrop(static_cast<size_t>(reason)); }
  // Settles a packet that was meant for this filter.
  void consume(PacketPtr packet) { context_->consume(std::move(packet)); }

  void count(Count counter, uint64_t n = 1) { context_->count(static_cast<size_t>(counter), n); }
  void record(Record histogram, Duration duration) {
    context_->record(static_cast<size_t>(histogram), duration);
  }
  // The statistics themselves, for gauges and for objects that the sessions of a worker share.
  stats::TypedStats<Schema> stats() { return stats::TypedStats<Schema>(context_->stats()); }

  // An empty packet to fill and pass on, or null when the worker's pool is exhausted.
  PacketPtr packet() { return context_->packet(); }
  Instant now() const { return context_->now(); }
  net::TimerQueue& timers() { return context_->timers(); }
  Session& session() const { return context_->session(); }
  Worker& worker() const { return context_->worker(); }

  // Notifies every filter of the chain; see Filter::onAuthenticated().
  void announceAuthenticated(const net::Address& remote) { context_->announceAuthenticated(remote); }

  // For statistics that depend on the configuration.
  FilterContext& untyped() { return *context_; }

 private:
  FilterContext* context_;
};

}  // namespace sluice::chain
