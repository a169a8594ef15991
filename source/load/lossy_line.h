// Simulates a lossy line to a player, who requests retransmission of lost packets (RFC 4585).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "source/base/clock.h"
#include "source/codec/rtp.h"
#include "source/media/nack_scheduler.h"

namespace sluice::load {

class LossyLine {
 public:
  // `percent` of the received packets are lost.
  explicit LossyLine(double percent) : percent_(percent) {}

  bool loses();
  void onPacket(const rtp::Packet& packet, Instant now);

  // Calls `nack(ssrc, sequences)` for each stream with packets to be requested now.
  template <typename Nack>
  void requestLost(Instant now, Nack&& nack) {
    std::array<uint16_t, 64> wanted;
    for (auto& [ssrc, scheduler] : streams_) {
      const size_t count = scheduler.takeRequests(kConfig, now, kRoundTrip, wanted);
      if (count > 0) nack(ssrc, std::span(wanted).first(count));
    }
  }

 private:
  static constexpr Duration kRoundTrip = 20ms;
  static constexpr media::NackScheduler::Config kConfig{
      .budget = 200ms, .reordering = 10ms, .max_requests = 3};

  const double percent_;
  std::unordered_map<uint32_t, media::NackScheduler> streams_;
};

}  // namespace sluice::load
