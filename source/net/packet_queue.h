// A bounded FIFO queue of packets; allocates only when it is constructed.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include "source/net/packet.h"

namespace sluice::net {

// The owner empties the queue before destroying it: packets in it are not settled yet.
class PacketQueue {
 public:
  explicit PacketQueue(size_t capacity) : ring_(capacity) {}

  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == ring_.size(); }
  size_t size() const { return size_; }

  void push(PacketPtr&& packet) {
    assert(!full());
    ring_[(first_ + size_++) % ring_.size()] = std::move(packet);
  }
  const Packet& front() const { return *ring_[first_]; }
  PacketPtr pop() {
    assert(!empty());
    PacketPtr packet = std::move(ring_[first_]);
    first_ = (first_ + 1) % ring_.size();
    --size_;
    return packet;
  }

 private:
  std::vector<PacketPtr> ring_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace sluice::net
