// Accepts each sequence number once, in any order within a window. Lock-free; any thread may use it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "source/base/archive.h"

namespace sluice::position_feed {

class ReplayWindow {
 public:
  static constexpr uint64_t kSize = 1024;  // a number that is this far below the highest one is too old

  enum class Verdict { kFresh, kReplayed, kTooOld };

  // kFresh at most once for each number, on whichever threads it is called. 0 is never fresh.
  Verdict accept(uint64_t sequence) {
    const uint64_t highest = highest_.load(std::memory_order_relaxed);
    if (highest >= kSize && sequence <= highest - kSize) return Verdict::kTooOld;
    // A slot has the highest number that was accepted of those that share it, and only rises.
    const uint64_t before = raise(slots_[sequence % kSize], sequence);
    if (before >= sequence) return before == sequence ? Verdict::kReplayed : Verdict::kTooOld;
    raise(highest_, sequence);
    return Verdict::kFresh;
  }

  // For a handover, while no other thread uses it. Reading keeps numbers that are higher already.
  void archive(Archive& a) {
    std::array<uint64_t, kSize> numbers{};
    for (size_t i = 0; i < kSize; ++i) numbers[i] = slots_[i].load(std::memory_order_relaxed);
    a(numbers);
    if (!a.isReading()) return;
    for (const uint64_t number : numbers) {
      raise(slots_[number % kSize], number);
      raise(highest_, number);
    }
  }

 private:
  // Sets `value` to `to` if that is higher. Returns the value before.
  static uint64_t raise(std::atomic<uint64_t>& value, uint64_t to) {
    uint64_t before = value.load(std::memory_order_relaxed);
    while (before < to && !value.compare_exchange_weak(before, to, std::memory_order_relaxed)) {
    }
    return before;
  }

  std::atomic<uint64_t> highest_{0};
  std::array<std::atomic<uint64_t>, kSize> slots_{};  // by the number modulo kSize
};

}  // namespace sluice::position_feed
