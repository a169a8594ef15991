// Shapes RTP towards a client with a token bucket. Below its rate it adds no delay: a packet that finds
// tokens and an empty queue is passed on at once. Everything except RTP passes unpaced.
#pragma once

#include "api/filters/pacer.pb.h"
#include "filters/pacer/fair_queue.h"
#include "filters/pacer/rate_policy.h"
#include "source/base/token_bucket.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"
#include "source/chain/worker.h"

namespace sluice::pacer {

enum class Drop { kQueueFull, kTooLate, kPastDeadline, kPoolShare };
enum class Count { kQueued };
enum class Record { kDelay };

class PacerFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Pacer& config, chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  RatePolicy::Config rate;
  bool rate_per_stream = false;  // the rate is for each stream that the client may receive
  double burst_bytes = 0;
  bool burst_per_stream = false;
  size_t max_queue_packets = 0;
  Duration max_delay{};
};

// The queues of a worker's pacers together hold at most a quarter of the worker's packet pool.
class PacerWorker {
 public:
  explicit PacerWorker(chain::Worker& worker) : max_held_(worker.pool().capacity() / 4) {}

  bool full() const { return held_ >= max_held_; }
  void add() { ++held_; }
  void remove() { --held_; }

 private:
  const size_t max_held_;
  size_t held_ = 0;
};

class Pacer final : public chain::Filter {
 public:
  Pacer(chain::FilterContext& context, const PacerFactory& factory);
  ~Pacer() override;

  void onEgress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  void onFlush() override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  unsigned streams() const;
  double burst() const;
  void adaptRate();
  void applyRate();
  void release();
  void dropFront(Drop reason);
  void passOn(net::PacketPtr&& packet, Instant now);

  const PacerFactory* factory_;
  PacerWorker& shared_;
  RatePolicy policy_;
  uint32_t rtt_samples_ = 0;  // the player's samples that the policy has seen
  TokenBucket bucket_;        // bytes
  FairQueue queue_;
  net::Timer timer_;
};

chain::FilterType filterType();

}  // namespace sluice::pacer
