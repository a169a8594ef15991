#include "filters/pacer/rate_policy.h"

#include <algorithm>
#include <utility>

namespace sluice::pacer {

bool RatePolicy::onRoundTrip(Duration rtt) {
  if (!config_.adapt || rtt <= Duration::zero()) return false;
  smoothed_ =
      smoothed_ == Duration::zero()
          ? rtt
          : Duration{static_cast<int64_t>(static_cast<double>(smoothed_.count()) * (1 - config_.alpha) +
                                          static_cast<double>(rtt.count()) * config_.alpha)};
  const double rate = rateFor(smoothed_);
  return std::exchange(rate_bps_, rate) != rate;
}

void RatePolicy::configure(const Config& config) {
  config_ = config;
  rate_bps_ = config_.adapt && smoothed_ != Duration::zero() ? rateFor(smoothed_) : config_.rate_bps;
}

double RatePolicy::rateFor(Duration rtt) const {
  const auto range = static_cast<double>((config_.high_rtt - config_.low_rtt).count());
  const double position = static_cast<double>((rtt - config_.low_rtt).count()) / range;
  return config_.max_rate_bps -
         std::clamp(position, 0.0, 1.0) * (config_.max_rate_bps - config_.min_rate_bps);
}

}  // namespace sluice::pacer
