// Interrupt coalescing for the event loop: a loop that waits for each packet needs a wake-up and two system
// calls for every one. At high packet rates, iterations begin at most once per interval and find several
// packets. Pure: the caller passes the time.
#pragma once

#include <algorithm>
#include <utility>

#include "source/base/clock.h"

namespace sluice::net {

class Coalescer {
 public:
  // The longest time that a packet waits for others. Zero: no packet waits.
  explicit Coalescer(Duration interval) : interval_(interval), gap_(kLongGap * interval) {}

  void countPackets(unsigned n) { packets_ += n; }
  // Called at the end of the iteration that began at `began`. Returns the wait before the next; usually zero.
  Duration pause(Instant began, Instant now) {
    if (packets_ == 0) return Duration::zero();
    const Duration gap = std::min(began - last_, kLongGap * interval_) / std::exchange(packets_, 0);
    last_ = began;
    gap_ += (gap - gap_) / kSmoothing;
    if (kWorthwhile * gap_ > interval_) return Duration::zero();
    return std::max(Duration::zero(), began + interval_ - now);
  }

 private:
  static constexpr unsigned kWorthwhile = 2;  // expected packets that make a wait worthwhile
  static constexpr unsigned kSmoothing = 8;   // iterations
  static constexpr unsigned kLongGap = 8;     // intervals; caps gaps, so the mean recovers soon after silence

  const Duration interval_;
  Duration gap_;  // between packets, smoothed
  Instant last_{};
  unsigned packets_ = 0;  // of this iteration
};

}  // namespace sluice::net
