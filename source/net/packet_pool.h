// A worker's packet pool. acquire() is for the owning thread; a packet may be released on any thread: other
// threads push it onto a lock-free stack that the owner takes over when its own list is empty.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "source/net/packet.h"

namespace sluice::net {

class PacketPool {
 public:
  // Grows by slabs up to `max_packets` and never shrinks. The constructing thread is the owner until adopt().
  explicit PacketPool(size_t max_packets);
  // All packets must have been returned.
  ~PacketPool();

  // Makes the calling thread the owner.
  void adopt() { owner_.store(std::this_thread::get_id(), std::memory_order_relaxed); }

  // An empty packet with full headroom and tailroom, or null when all are in use.
  PacketPtr acquire();

  // The maximum number of packets.
  size_t capacity() const { return max_packets_; }
  size_t allocated() const { return allocated_.load(std::memory_order_relaxed); }
  size_t exhausted() const { return exhausted_.load(std::memory_order_relaxed); }
  // Packets returned without being sent, dropped or consumed: a bug in a filter. Asserts in debug builds.
  size_t unaccounted() const { return unaccounted_.load(std::memory_order_relaxed); }

 private:
  friend struct PacketReleaser;
  static constexpr size_t kSlab = 256;
  using Slab = std::unique_ptr<Packet[]>;

  void release(Packet* packet);
  bool refill();

  const size_t max_packets_;
  std::atomic<std::thread::id> owner_;
  Packet* free_ = nullptr;
  std::atomic<Packet*> returned_{nullptr};
  std::vector<Slab> slabs_;
  std::atomic<size_t> allocated_{0};
  std::atomic<size_t> exhausted_{0};
  std::atomic<size_t> unaccounted_{0};
};

}  // namespace sluice::net
