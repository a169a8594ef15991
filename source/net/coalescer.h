// Interrupt coalescing, as network cards do it: a loop that waits for each packet pays a wake-up and two
// system calls for every one. When packets come fast, turns begin at most once an interval, and find several.
// Pure: time comes in with the call.
#pragma once

#include <algorithm>
#include <utility>

#include "source/base/clock.h"

namespace sluice::net {

class Coalescer {
 public:
  // The longest that a packet waits for others. Zero: none waits.
  explicit Coalescer(Duration interval) : interval_(interval), gap_(kLongGap * interval) {}

  void countPackets(unsigned n) { packets_ += n; }
  // The turn that began at `began` ends. How long to let packets gather before the next; mostly not at all.
  Duration pause(Instant began, Instant now) {
    if (packets_ == 0) return Duration::zero();
    const Duration gap = std::min(began - last_, kLongGap * interval_) / std::exchange(packets_, 0);
    last_ = began;
    gap_ += (gap - gap_) / kSmoothing;
    if (kWorthwhile * gap_ > interval_) return Duration::zero();
    return std::max(Duration::zero(), began + interval_ - now);
  }

 private:
  static constexpr unsigned kWorthwhile = 2;  // packets that must be expected to gather
  static constexpr unsigned kSmoothing = 8;   // turns
  static constexpr unsigned kLongGap = 8;     // intervals; a longer silence is forgotten as fast

  const Duration interval_;
  Duration gap_;  // between packets, smoothed
  Instant last_{};
  unsigned packets_ = 0;  // of this turn
};

}  // namespace sluice::net
