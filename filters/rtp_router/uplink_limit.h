// Limits what one speaker may send, in packets and bytes, by token buckets. Each packet is copied for every
// receiver, so a speaker without a limit could use up the worker.
#pragma once

#include "source/base/token_bucket.h"

namespace sluice::rtp_router {

class UplinkLimit {
 public:
  struct Config {
    double packets_per_second = 0;
    double burst_packets = 0;
    double bytes_per_second = 0;  // of RTP payload
    double burst_bytes = 0;
  };
  UplinkLimit(const Config& config, Instant now)
      : packets_(config.packets_per_second, config.burst_packets, now),
        bytes_(config.bytes_per_second, config.burst_bytes, now) {}

  // False if the packet exceeds the limit. Refused packets cost a little of it too, so that a flood gets less
  // through than speech, while a speaker just above the limit is hardly affected.
  bool take(size_t payload_size, Instant now) {
    if (!packets_.take(1, now)) {
      packets_.spill(kRefusalCost, now);
      return false;
    }
    return bytes_.take(static_cast<double>(payload_size), now);
  }

  void configure(const Config& config, Instant now) {
    packets_.setRate(config.packets_per_second, config.burst_packets, now);
    bytes_.setRate(config.bytes_per_second, config.burst_bytes, now);
  }

  void archive(Archive& a) { a(packets_, bytes_); }

 private:
  static constexpr double kRefusalCost = 1.0 / 64;

  TokenBucket packets_;
  TokenBucket bytes_;
};

}  // namespace sluice::rtp_router
