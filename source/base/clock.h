// Time. Protocol code takes `Instant now` as an argument or reads an injected Clock; only RealClock reads the
// machine's clocks.
#pragma once

#include <chrono>

namespace sluice {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::system_clock::time_point;

using namespace std::chrono_literals;

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic: never goes back, and is unrelated to the date.
  virtual Instant now() const = 0;
  // The machine's date and time; may jump.
  virtual WallTime wall() const = 0;
};

class RealClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// Changes only by advance(); starts at an arbitrary non-zero instant, at the beginning of 2026. For tests and
// replays.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override {
    return std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} +
           std::chrono::duration_cast<WallTime::duration>(now_ - kStart);
  }
  void advance(Duration by) { now_ += by; }

 private:
  static constexpr Instant kStart{std::chrono::hours{1}};
  Instant now_ = kStart;
};

}  // namespace sluice
