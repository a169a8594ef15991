#include "source/net/event_loop.h"

#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <thread>

namespace sluice::net {

EventLoop::Loop::~Loop() {
  uv_run(&loop, UV_RUN_DEFAULT);  // lets every close callback run
  [[maybe_unused]] const int busy = uv_loop_close(&loop);
  assert(busy == 0 && "a handle outlives its loop");
}

EventLoop::TimerDescriptor::TimerDescriptor()
    : fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}

EventLoop::TimerDescriptor::~TimerDescriptor() {
  close(fd);
}

EventLoop::EventLoop(Duration coalesce) : coalescer_(coalesce) {
  uv_loop_t* const loop = raw();
  loop->data = this;
  uv_async_init(loop, async_.get(), [](uv_async_t* h) {
    auto* self = static_cast<EventLoop*>(h->data);
    self->woke();
    self->clock_.refresh();
    self->runPosted();
    if (self->on_wake_) self->on_wake_();
    if (self->stopping_) uv_stop(self->raw());
  });
  uv_prepare_init(loop, prepare_.get());
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* h) { static_cast<EventLoop*>(h->data)->beforeWait(); });
  uv_check_init(loop, check_.get());
  uv_check_start(check_.get(), [](uv_check_t* h) {
    auto* self = static_cast<EventLoop*>(h->data);
    self->woke();
    self->endIteration();
  });
  uv_poll_init(loop, timer_poll_.get(), timer_.fd);
  uv_poll_start(timer_poll_.get(), UV_READABLE, [](uv_poll_t* h, int, int) {
    auto* self = static_cast<EventLoop*>(h->data);
    self->woke();
    uint64_t expirations;
    if (read(self->timer_.fd, &expirations, sizeof expirations) > 0) self->timer_set_ = Instant::max();
    self->clock_.refresh();
    self->timers_.run();
  });
}

void EventLoop::run() {
  prctl(PR_SET_TIMERSLACK, 1);  // of this thread, in ns: the default is as long as a coalescing pause
  uv_run(raw(), UV_RUN_DEFAULT);
}

void EventLoop::stop() {
  post([this] { stopping_ = true; });
}

void EventLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  has_posted_.store(true, std::memory_order_release);
  wake();
}

void EventLoop::runPosted() {
  if (!has_posted_.load(std::memory_order_acquire)) return;
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    has_posted_.store(false, std::memory_order_relaxed);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void EventLoop::atIterationEnd(IterationEnd& task) {
  if (std::exchange(task.scheduled_, true)) return;
  iteration_ends_.push_back(&task);
}

void EventLoop::cancelIterationEnd(IterationEnd& task) {
  if (!std::exchange(task.scheduled_, false)) return;
  std::erase(iteration_ends_, &task);
  std::replace(running_.begin(), running_.end(), &task, static_cast<IterationEnd*>(nullptr));
}

void EventLoop::endIteration() {
  if (!iteration_ends_.empty()) clock_.refresh();
  while (!iteration_ends_.empty()) {
    running_.swap(iteration_ends_);
    for (size_t i = 0; i < running_.size(); ++i) {
      if (IterationEnd* task = running_[i]) {
        task->scheduled_ = false;
        task->onIterationEnd();
      }
    }
    running_.clear();
  }
  armTimer();
}

void EventLoop::beforeWait() {
  endIteration();
  const Instant now = std::chrono::steady_clock::now();
  busy_ns_.store(busy_ns_.load(std::memory_order_relaxed) + (now - woke_at_).count(),
                 std::memory_order_relaxed);
  waiting_ = true;
  const Duration pause = std::min(coalescer_.pause(woke_at_, now), timers_.next() - now);
  if (pause <= Duration::zero()) return;
  pauses_.add();
  std::this_thread::sleep_for(pause);
}

void EventLoop::armTimer() {
  const Instant next = timers_.next();
  // An earlier wake-up that is already set costs only one empty iteration; moving it would cost a system call
  // each time.
  if (next >= timer_set_) return;
  timer_set_ = next;
  const auto ns = std::max<int64_t>(1, next.time_since_epoch().count());
  itimerspec spec{};
  spec.it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  timerfd_settime(timer_.fd, TFD_TIMER_ABSTIME, &spec, nullptr);
}

}  // namespace sluice::net
