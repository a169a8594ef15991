// One-shot timers on an injected clock. A TimerQueue never reads the real time: its owner calls run().
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include "source/base/clock.h"

namespace sluice::net {

class Timer;

class TimerQueue {
 public:
  explicit TimerQueue(const Clock& clock) : clock_(clock) {}

  // Fires the timers that are due, earliest first. A timer that is armed during the run fires in the next
  // one.
  void run();

  // Instant::max() when nothing is armed.
  Instant next() const;
  size_t size() const { return heap_.size(); }
  const Clock& clock() const { return clock_; }

 private:
  friend class Timer;
  void insert(Timer& timer);
  void remove(Timer& timer);
  void siftUp(size_t index);
  void siftDown(size_t index);
  void place(Timer* timer, size_t index);

  const Clock& clock_;
  std::vector<Timer*> heap_;  // binary, earliest first
};

// The destructor cancels the timer. Arming an armed timer moves it. Not movable: the queue holds a pointer to
// it. Arming does not allocate once the queue has held that many timers.
class Timer {
 public:
  Timer(TimerQueue& queue, std::function<void()> fire) : queue_(queue), fire_(std::move(fire)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(Duration after) { armAt(queue_.clock().now() + after); }
  void armAt(Instant at);
  void cancel();
  bool armed() const { return index_ != kNotArmed; }
  Instant due() const { return due_; }

 private:
  friend class TimerQueue;
  static constexpr size_t kNotArmed = std::numeric_limits<size_t>::max();

  TimerQueue& queue_;
  std::function<void()> fire_;
  Instant due_{};
  Instant fire_at_{};  // when it fires: due_, or the time of arming if that is later
  size_t index_ = kNotArmed;
};

}  // namespace sluice::net
