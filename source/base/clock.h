// Time. Protocol code takes `Instant now` as an argument or asks an injected Clock; only RealClock reads the
// machine's clock. A Clock is monotonic: it never goes back and is unrelated to the date.
#pragma once

#include <chrono>

namespace sluice {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

using namespace std::chrono_literals;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

class RealClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
};

// Advances only when told to; starts at an arbitrary non-zero instant. For tests and replays.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  Instant now_{std::chrono::hours{1}};
};

}  // namespace sluice
