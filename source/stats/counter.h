// Counters, gauges and histograms with one writer thread and any number of readers. Writing is a plain add:
// no lock, no read-modify-write instruction.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "source/base/clock.h"

namespace sluice::stats {

class Counter {
 public:
  // For a gauge, -1 may be added too, modulo 2^64.
  void add(uint64_t n = 1) { value_.store(value() + n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t n) { set(value() + n); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Durations in buckets with doubling bounds: below 1 us, below 2 us, ... below 2^22 us (4.2 s), and above.
class Histogram {
 public:
  static constexpr unsigned kBuckets = 24;

  void record(Duration duration) {
    const int64_t ns = duration.count() < 0 ? 0 : duration.count();
    const auto us = static_cast<uint64_t>(ns) / 1000;
    const unsigned width = static_cast<unsigned>(std::bit_width(us));
    buckets_[width < kBuckets ? width : kBuckets - 1].add();
    sum_ns_.add(static_cast<uint64_t>(ns));
  }

  uint64_t bucket(unsigned i) const { return buckets_[i].value(); }
  // Exclusive upper bound of bucket i; the last one has none.
  static Duration bound(unsigned i) { return std::chrono::microseconds{int64_t{1} << i}; }
  uint64_t sumNs() const { return sum_ns_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
};

}  // namespace sluice::stats
