// A token bucket on an injected clock. The caller chooses the unit, such as bytes or responses.
#pragma once

#include <algorithm>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice {

class TokenBucket {
 public:
  // Starts full. `rate` in units per second, > 0; `burst` in units, > 0.
  TokenBucket(double rate, double burst, Instant now)
      : rate_(rate), burst_(burst), tokens_(burst), filled_(now) {}

  // Takes `n` units if they are available. If `n` exceeds the burst, a full bucket suffices, and the rest
  // becomes debt.
  bool take(double n, Instant now) {
    refill(now);
    if (tokens_ < std::min(n, burst_)) return false;
    tokens_ -= n;
    return true;
  }

  // Takes `n` units even if they are not available, as debt.
  void charge(double n, Instant now) {
    refill(now);
    tokens_ -= n;
  }

  // Takes up to `n` units, as many as are available.
  void spill(double n, Instant now) {
    refill(now);
    tokens_ -= std::clamp(tokens_, 0.0, n);
  }

  // The time until take(n) succeeds if nothing else is taken.
  Duration wait(double n, Instant now) {
    refill(now);
    const double missing = std::min(n, burst_) - tokens_;
    if (missing <= 0) return Duration::zero();
    return Duration{static_cast<int64_t>(missing / rate_ * 1e9) + 1};
  }

  void setRate(double rate, double burst, Instant now) {
    refill(now);
    rate_ = rate;
    burst_ = burst;
    tokens_ = std::min(tokens_, burst_);
  }

  // Archives the fill level; rate and burst are configuration.
  void archive(Archive& a) { a(tokens_, filled_); }

  double rate() const { return rate_; }
  double burst() const { return burst_; }

 private:
  void refill(Instant now) {
    if (now <= filled_) return;
    tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - filled_).count());
    filled_ = now;
  }

  double rate_;
  double burst_;
  double tokens_;
  Instant filled_;
};

}  // namespace sluice
