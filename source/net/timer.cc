#include "source/net/timer.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::net {

void TimerQueue::run() {
  const Instant now = clock_.now();
  // A timer that fires may arm itself again for `now`: the number of timers at the start is the limit, so
  // that run() always ends.
  for (size_t left = heap_.size(); left > 0 && !heap_.empty() && heap_.front()->fire_at_ <= now; --left) {
    Timer& timer = *heap_.front();
    remove(timer);
    timer.fire_();
  }
}

Instant TimerQueue::next() const {
  return heap_.empty() ? Instant::max() : heap_.front()->fire_at_;
}

void TimerQueue::place(Timer* timer, size_t index) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::siftUp(size_t index) {
  Timer* timer = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent]->fire_at_ <= timer->fire_at_) break;
    place(heap_[parent], index);
    index = parent;
  }
  place(timer, index);
}

void TimerQueue::siftDown(size_t index) {
  Timer* timer = heap_[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->fire_at_ < heap_[child]->fire_at_) ++child;
    if (timer->fire_at_ <= heap_[child]->fire_at_) break;
    place(heap_[child], index);
    index = child;
  }
  place(timer, index);
}

void TimerQueue::insert(Timer& timer) {
  heap_.push_back(&timer);
  siftUp(heap_.size() - 1);
}

void TimerQueue::remove(Timer& timer) {
  const size_t index = timer.index_;
  assert(heap_[index] == &timer);
  timer.index_ = Timer::kNotArmed;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(last, index);
  siftUp(index);
  siftDown(last->index_);
}

void Timer::armAt(Instant at) {
  cancel();
  due_ = at;
  // A timer that is repeatedly armed for the past must not starve the others.
  fire_at_ = std::max(at, queue_.clock().now());
  queue_.insert(*this);
}

void Timer::cancel() {
  if (armed()) queue_.remove(*this);
}

}  // namespace sluice::net
