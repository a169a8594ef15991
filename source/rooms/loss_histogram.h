// The distribution of packet loss among the receivers of a room. Written by workers, each for its own
// receivers, and read by all, without a lock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace sluice::rooms {

class LossHistogram {
 public:
  static constexpr int kNone = -1;

  // Moves a receiver with this loss, 0 to 1, from class `from`, or kNone, to its new class, which it returns.
  int enter(double loss, int from) {
    const int to = std::clamp(static_cast<int>(loss * 100 + 0.5), 0, kClasses - 1);
    if (to == from) return to;
    leave(from);
    classes_[static_cast<size_t>(to)].fetch_add(1, std::memory_order_relaxed);
    return to;
  }
  void leave(int from) {
    if (from != kNone) classes_[static_cast<size_t>(from)].fetch_sub(1, std::memory_order_relaxed);
  }

  // The loss, 0 to 1, that `percent` of the receivers do not exceed, without one receiver of class `except`;
  // 0 if there are none.
  double percentile(unsigned percent, int except = kNone) const {
    std::array<uint32_t, kClasses> counts;
    uint64_t total = 0;
    for (size_t i = 0; i < counts.size(); ++i)
      total += counts[i] = classes_[i].load(std::memory_order_relaxed);
    if (except != kNone && counts[static_cast<size_t>(except)] > 0) {
      --counts[static_cast<size_t>(except)];
      --total;
    }
    uint64_t below = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      below += counts[i];
      if (below > 0 && below * 100 >= total * percent) return static_cast<double>(i) / 100;
    }
    return 0;
  }

 private:
  static constexpr int kClasses = 101;  // percent
  std::array<std::atomic<uint32_t>, kClasses> classes_{};
};

}  // namespace sluice::rooms
