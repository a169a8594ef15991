// Packets that wait, ordered by the time of their release. Allocates only once.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/net/packet.h"

namespace sluice::impair {

// The owner must empty the line before it destroys it: packets in it are not accounted for yet.
class DelayLine {
 public:
  // Packets that wait beyond a smaller capacity stay.
  void setCapacity(size_t capacity) {
    capacity_ = capacity;
    heap_.reserve(capacity);
  }

  bool empty() const { return heap_.empty(); }
  bool full() const { return heap_.size() >= capacity_; }
  size_t size() const { return heap_.size(); }
  Instant next() const { return heap_.front().release; }

  void push(net::PacketPtr&& packet, Instant release) {
    assert(!full());
    heap_.push_back({release, order_++, std::move(packet)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  // Earliest first; in the order of push() when equal.
  net::PacketPtr pop() {
    assert(!empty());
    std::pop_heap(heap_.begin(), heap_.end(), later);
    net::PacketPtr packet = std::move(heap_.back().packet);
    heap_.pop_back();
    return packet;
  }

 private:
  struct Held {
    Instant release;
    uint64_t order;
    net::PacketPtr packet;
  };
  static bool later(const Held& a, const Held& b) {
    return a.release != b.release ? a.release > b.release : a.order > b.order;
  }

  std::vector<Held> heap_;
  size_t capacity_ = 0;
  uint64_t order_ = 0;
};

}  // namespace sluice::impair
