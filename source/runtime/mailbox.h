// A bounded queue of packets to one worker: any thread pushes, the worker pops. No lock, no allocation.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <memory>

#include "source/chain/worker.h"

namespace sluice::runtime {

struct Mail {
  chain::Worker::Deliver deliver = nullptr;
  net::PacketPtr packet;
};

// Each cell carries the sequence number at which it may be written or read next. Producers claim cells with
// one compare-and-swap, and the consumer never waits for a slow producer: it finds the queue empty.
class Mailbox {
 public:
  explicit Mailbox(size_t capacity) : mask_(capacity - 1), cells_(std::make_unique<Cell[]>(capacity)) {
    assert((capacity & mask_) == 0 && "the capacity is a power of two");
    for (size_t i = 0; i < capacity; ++i) cells_[i].sequence.store(i, std::memory_order_relaxed);
  }
  ~Mailbox() {
    Mail mail;
    while (pop(mail)) mail.packet->settle();
  }

  // Takes the packet, or returns false and leaves it with the caller.
  bool push(chain::Worker::Deliver deliver, net::PacketPtr& packet) {
    size_t at = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const size_t sequence = cell.sequence.load(std::memory_order_acquire);
      if (sequence == at) {
        if (!tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        cell.mail = {deliver, std::move(packet)};
        cell.sequence.store(at + 1, std::memory_order_release);
        return true;
      }
      if (sequence < at) return false;  // full
      at = tail_.load(std::memory_order_relaxed);
    }
  }

  bool pop(Mail& out) {
    Cell& cell = cells_[head_ & mask_];
    if (cell.sequence.load(std::memory_order_acquire) != head_ + 1) return false;
    out = std::move(cell.mail);
    cell.sequence.store(head_ + mask_ + 1, std::memory_order_release);
    ++head_;
    return true;
  }

 private:
  struct Cell {
    std::atomic<size_t> sequence;
    Mail mail;
  };

  const size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<size_t> tail_{0};
  alignas(64) size_t head_ = 0;
};

}  // namespace sluice::runtime
