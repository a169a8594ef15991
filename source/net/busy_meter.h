// The share of the last second in which a loop did not wait for events, from readings of its busy time.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "source/base/clock.h"

namespace sluice::net {

class BusyMeter {
 public:
  // Call it about ten times a second; `busy` is the time since the start that was not spent waiting.
  void read(Instant now, Duration busy) {
    Reading& oldest = readings_[next_++ % kReadings];
    const Duration passed = now - oldest.now;
    const double share =
        static_cast<double>((busy - oldest.busy).count()) / static_cast<double>(passed.count());
    if (next_ > kReadings && passed > Duration::zero()) {
      share_.store(std::clamp(share, 0.0, 1.0), std::memory_order_relaxed);
    }
    oldest = {now, busy};
  }
  // From any thread; 0 in the first second.
  double share() const { return share_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kReadings = 10;
  struct Reading {
    Instant now{};
    Duration busy{};
  };

  std::array<Reading, kReadings> readings_;
  size_t next_ = 0;
  std::atomic<double> share_{0};
};

}  // namespace sluice::net
