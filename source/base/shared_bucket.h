// A token bucket that several threads use without a lock: the generic cell rate algorithm on one atomic.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "source/base/clock.h"

namespace sluice {

class SharedBucket {
 public:
  // Takes `amount`; the bucket fills at `rate` per second up to `burst`. All in the same unit, rate > 0.
  bool take(double amount, double rate, double burst, Instant now) {
    const int64_t at = now.time_since_epoch().count();
    const auto cost = static_cast<int64_t>(amount / rate * 1e9);
    const auto tolerance = static_cast<int64_t>(burst / rate * 1e9);
    int64_t full_at = full_at_.load(std::memory_order_relaxed);
    for (;;) {
      const int64_t next = std::max(full_at, at) + cost;
      if (next - at > tolerance) return false;
      if (full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) return true;
    }
  }

  // The time at which the bucket is full again.
  Instant fullAt() const { return Instant{Duration{full_at_.load(std::memory_order_relaxed)}}; }

 private:
  std::atomic<int64_t> full_at_{0};  // in nanoseconds: the time at which the bucket is full again
};

}  // namespace sluice
