// State that all stun_turn filters of a worker share.
#pragma once

#include <memory>
#include <unordered_map>

#include "filters/stun_turn/response_limits.h"
#include "filters/stun_turn/shared_relay.h"
#include "source/chain/worker.h"
#include "source/stats/schema.h"

namespace sluice::stun_turn {

class StunWorker {
 public:
  explicit StunWorker(chain::Worker& worker) : worker_(worker) {}

  // The limits of the configured filter that counts in `stats`.
  ResponseLimits& limits(stats::FilterStats& stats, double rate) {
    return limits_.try_emplace(&stats, rate).first->second;
  }

  chain::Worker& worker() { return worker_; }
  SharedRelays& sharedRelays() { return shared_relays_; }

  // Frees reservations that expire unused.
  void watchReservations(std::shared_ptr<TurnProcess> process) {
    reserving_ = std::move(process);
    reservations_.arm(TurnProcess::kReservationTime);
  }

 private:
  chain::Worker& worker_;
  std::unordered_map<stats::FilterStats*, ResponseLimits> limits_;
  SharedRelays shared_relays_{worker_};
  std::shared_ptr<TurnProcess> reserving_;
  net::Timer reservations_{worker_.timers(),
                           [this] { reserving_->expireReservations(worker_.clock().now()); }};
};

}  // namespace sluice::stun_turn
