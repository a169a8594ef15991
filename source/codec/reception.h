// Reception statistics of one RTP stream: extended sequence numbers, loss and jitter (RFC 3550 appendices
// A.1, A.3 and A.8). Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/codec/rtcp.h"

namespace sluice::rtp {

class Reception {
 public:
  explicit Reception(uint32_t clock_rate) : clock_rate_(clock_rate) {}

  // False if the sequence number jumped far: an isolated packet, or a restart, which a second packet
  // confirms.
  bool onPacket(uint16_t sequence, uint32_t timestamp, Instant arrival);
  void onSenderReport(rtcp::Ntp ntp, Instant arrival);
  // The round trip to a receiver to which this process forwards the stream and its SRs, and which reports on
  // the stream.
  std::optional<Duration> roundTripBeyond(const rtcp::ReportBlock& block, Instant now) const;

  // The report on the time since the previous one.
  rtcp::ReportBlock report(uint32_t ssrc, Instant now);

  uint64_t received() const { return received_; }
  uint32_t restarts() const { return restarts_; }  // the first packet counts as one
  void archive(Archive& a) {
    a(clock_rate_, received_, restarts_, base_, cycles_, highest_, probation_, jitter_, last_transit_,
      has_transit_, expected_before_, received_before_, last_sr_, last_sr_arrival_);
  }

  int64_t lost() const { return static_cast<int64_t>(expected()) - static_cast<int64_t>(received_); }
  uint32_t highestSequence() const { return cycles_ + highest_; }
  uint32_t jitter() const { return jitter_ >> 4; }  // in timestamp units

 private:
  void restart(uint16_t sequence);
  void updateJitter(uint32_t timestamp, Instant arrival);
  uint64_t expected() const { return received_ == 0 ? 0 : uint64_t{highestSequence()} - base_ + 1; }

  uint32_t clock_rate_;
  uint64_t received_ = 0;
  uint32_t restarts_ = 0;
  uint32_t base_ = 0;
  uint32_t cycles_ = 0;
  uint16_t highest_ = 0;
  uint32_t probation_ = 0x10000;  // the sequence that would confirm a restart; beyond 16 bits: none
  uint32_t jitter_ = 0;           // times 16
  uint32_t last_transit_ = 0;
  bool has_transit_ = false;
  uint64_t expected_before_ = 0;
  uint64_t received_before_ = 0;
  uint32_t last_sr_ = 0;
  Instant last_sr_arrival_{};
};

}  // namespace sluice::rtp
