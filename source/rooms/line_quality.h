// The quality of the network path between a player and this server, as RTCP measures it. All values are
// written on the player's worker, each by the filter that is named here, and may be read by any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::rooms {

class LineQuality {
 public:
  // Called by rtp_router: a report of the player shows this round trip.
  void onRoundTrip(Duration round_trip) {
    rtt_us_.store(static_cast<uint32_t>(round_trip / std::chrono::microseconds{1}), kRelaxed);
    round_trips_.store(roundTrips() + 1, kRelaxed);
  }
  // Called by rtp_router: the player reports this loss of the packets sent to it. Losses are shares, 0 to 1.
  void setDownlinkLoss(double share) { downlink_permille_.store(permille(share), kRelaxed); }
  // Called by rtp_router: the loss of the player's packets as they reach the router.
  void setRoutedLoss(double share) { routed_permille_.store(permille(share), kRelaxed); }
  // Called by opus while it conceals loss, because the router then cannot measure it: the loss before
  // concealment.
  void setLossBeforeConcealment(double share) { received_permille_.store(permille(share), kRelaxed); }
  void clearLossBeforeConcealment() { received_permille_.store(kNotSet, kRelaxed); }

  // The last round trip; 0: unknown.
  Duration roundTrip() const { return std::chrono::microseconds{rtt_us_.load(kRelaxed)}; }
  uint32_t roundTrips() const { return round_trips_.load(kRelaxed); }  // measured so far
  // The loss of the packets sent to the player, 0 to 1.
  double downlinkLoss() const { return downlink_permille_.load(kRelaxed) / 1000.0; }
  // The loss of the player's packets, 0 to 1, after repair and before concealment.
  double uplinkLoss() const {
    const uint32_t received = received_permille_.load(kRelaxed);
    return (received != kNotSet ? received : routed_permille_.load(kRelaxed)) / 1000.0;
  }

  // Call it only while no worker runs. The uplink's loss continues as that of the router, until the filters
  // of the other process measure it again.
  void archive(Archive& a) {
    const uint32_t received = received_permille_.load(kRelaxed);
    if (received != kNotSet) routed_permille_.store(received, kRelaxed);
    for (auto* value : {&rtt_us_, &round_trips_, &downlink_permille_, &routed_permille_}) {
      uint32_t plain = value->load(kRelaxed);
      a(plain);
      value->store(plain, kRelaxed);
    }
  }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;
  static constexpr uint32_t kNotSet = UINT32_MAX;
  static uint32_t permille(double share) { return static_cast<uint32_t>(share * 1000 + 0.5); }

  std::atomic<uint32_t> rtt_us_{0};
  std::atomic<uint32_t> round_trips_{0};
  std::atomic<uint32_t> downlink_permille_{0};
  std::atomic<uint32_t> routed_permille_{0};
  std::atomic<uint32_t> received_permille_{kNotSet};
};

}  // namespace sluice::rooms
