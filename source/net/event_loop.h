// The part of libuv that Sluice uses: one loop on one thread.
#pragma once

#include <uv.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/net/coalescer.h"
#include "source/net/timer.h"
#include "source/net/uv_handle.h"
#include "source/stats/counter.h"

namespace sluice::net {

// Work for the end of the loop's iteration, after all sockets were read and timers fired; usually a flush.
class IterationEnd {
 public:
  virtual ~IterationEnd() = default;
  virtual void onIterationEnd() = 0;

 private:
  friend class EventLoop;
  bool scheduled_ = false;
};

// now() is the time of the last refresh: one clock read per batch.
class IterationClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
  Instant refresh() { return now_ = std::chrono::steady_clock::now(); }

 private:
  Instant now_ = std::chrono::steady_clock::now();
};

class EventLoop {
 public:
  // `coalesce`: see Coalescer.
  explicit EventLoop(Duration coalesce = Duration::zero());
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop().
  void run();
  // Any thread may call it.
  void stop();
  // Runs `task` on the loop's thread, soon. Any thread may call it; tasks of one thread keep their order.
  void post(std::function<void()> task);
  // Runs the tasks posted so far. The loop does this by itself; a batch of received packets does it first, so
  // that a packet is never handled before a task that was posted ahead of it.
  void runPosted();
  // Wakes the loop up without a task. From any thread.
  void wake() { uv_async_send(async_.get()); }
  // `hook` runs on the loop's thread after wake() and post(), in addition to the posted tasks. Set once,
  // before run().
  void onWake(std::function<void()> hook) { on_wake_ = std::move(hook); }

  // Each task runs once per scheduling.
  void atIterationEnd(IterationEnd& task);
  void cancelIterationEnd(IterationEnd& task);
  // Runs the tasks scheduled for the end of the iteration now. Do not call it from such a task.
  void finishIteration() { endIteration(); }

  // Call it after reading packets from the network and before handling them: `n` is their number. Returns the
  // time for Packet::received, which is also the clock's from now on.
  Instant packetsRead(unsigned n) {
    coalescer_.countPackets(n);
    return clock_.refresh();
  }

  IterationClock& clock() { return clock_; }
  TimerQueue& timers() { return timers_; }
  // For wrappers of libuv's handles (Poll, SignalWatch, FileWatch), and tests.
  uv_loop_t* raw() { return &loop_.loop; }
  // Every callback of a UvHandle begins with this. Runs the posted tasks and returns the handle's owner; null
  // if one of them destroyed it.
  template <typename Owner, typename Handle>
  static Owner* enter(Handle* handle) {
    auto& self = *static_cast<EventLoop*>(handle->loop->data);
    self.woke();
    self.runPosted();
    return static_cast<Owner*>(handle->data);
  }
  // Time since the start that the loop did not spend waiting for events, without the current iteration. From
  // any thread. libuv's own metric costs a system call per iteration.
  Duration busy() const { return Duration{busy_ns_.load(std::memory_order_relaxed)}; }
  // The number of pauses in which packets could accumulate. From any thread.
  uint64_t pauses() const { return pauses_.value(); }

 private:
  struct Loop {
    Loop() { uv_loop_init(&loop); }
    ~Loop();
    uv_loop_t loop;
  };
  struct TimerDescriptor {
    TimerDescriptor();
    ~TimerDescriptor();
    const int fd;
  };

  // The time until now was spent waiting.
  void woke() {
    if (std::exchange(waiting_, false)) woke_at_ = clock_.refresh();
  }
  void beforeWait();
  void endIteration();
  void armTimer();

  Loop loop_;  // destroyed after all handles
  TimerDescriptor timer_;
  UvHandle<uv_async_t> async_{this};
  UvHandle<uv_prepare_t> prepare_{this};
  UvHandle<uv_check_t> check_{this};
  UvHandle<uv_poll_t> timer_poll_{this};
  Instant timer_set_ = Instant::max();

  bool waiting_ = false;
  Instant woke_at_ = std::chrono::steady_clock::now();
  std::atomic<int64_t> busy_ns_{0};
  stats::Counter pauses_;

  Coalescer coalescer_;
  IterationClock clock_;
  TimerQueue timers_{clock_};
  std::vector<IterationEnd*> iteration_ends_;
  std::vector<IterationEnd*> running_;
  std::function<void()> on_wake_;

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
  std::atomic<bool> has_posted_{false};
  bool stopping_ = false;
};

}  // namespace sluice::net
