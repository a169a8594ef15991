// Derives a pacer's rate from the round trip: a smoothed round trip is mapped linearly onto a range of rates.
// Pure.
#pragma once

#include <cstdint>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::pacer {

class RatePolicy {
 public:
  struct Config {
    double rate_bps = 0;  // before the first round trip, and always without adaptation
    bool adapt = false;
    double min_rate_bps = 0;
    double max_rate_bps = 0;
    double alpha = 0;     // weight of a new round trip
    Duration low_rtt{};   // at most this: max_rate_bps
    Duration high_rtt{};  // at least this: min_rate_bps
  };

  explicit RatePolicy(const Config& config) : config_(config) {}

  // Returns true when the rate changed.
  bool onRoundTrip(Duration rtt);
  // Keeps the smoothed round trip.
  void configure(const Config& config);

  void archive(Archive& a) {
    a(smoothed_);
    configure(config_);
  }

  double rateBps() const { return rate_bps_; }
  Duration smoothedRtt() const { return smoothed_; }  // zero: none yet

 private:
  double rateFor(Duration rtt) const;

  Config config_;
  Duration smoothed_{};
  double rate_bps_ = config_.rate_bps;
};

}  // namespace sluice::pacer
