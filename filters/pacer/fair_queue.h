// Packets that wait for tokens, by stream: the stream that was served the fewest bytes is next, so that a
// stream that sends too much delays and loses its own packets, not those of others (self-clocked fair
// queueing). Allocates only once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "source/net/packet.h"

namespace sluice::pacer {

// The owner must empty the queue before it destroys it: the packets in it are not accounted for yet.
class FairQueue {
 public:
  explicit FairQueue(size_t capacity);

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // `limit` packets may wait, at most the capacity. If that many wait already, the longest stream makes room:
  // returns the packet that has no place, which is this one if its own stream is the longest, otherwise the
  // oldest of the longest stream. Null if there was room.
  net::PacketPtr push(net::PacketPtr&& packet, size_t limit);

  // The next packet. Requires a queue that is not empty.
  const net::Packet& front() const;
  // Takes it to pass it on, which counts as service to its stream.
  net::PacketPtr pop() { return pop(true); }
  // Takes it to drop it.
  net::PacketPtr popUnused() { return pop(false); }

 private:
  static constexpr size_t kFlows = 8;  // streams that wait at a time; more of them share flows
  static constexpr uint16_t kNone = 0xFFFF;

  struct Node {
    net::PacketPtr packet;
    uint16_t next = kNone;
    uint32_t order = 0;  // of arrival
  };
  struct Flow {
    uint32_t ssrc = 0;
    uint16_t first = kNone;
    uint16_t last = kNone;
    uint16_t length = 0;     // packets
    uint64_t given = 0;      // bytes, on a scale that all flows share
    bool is_shared = false;  // with streams that have no flow of their own, until it is empty
  };

  Flow& flowOf(uint32_t ssrc);
  size_t next() const;
  bool cameBefore(const Flow& a, const Flow& b) const;
  net::PacketPtr pop(bool counts);
  net::PacketPtr take(Flow& flow);

  std::vector<Node> nodes_;
  uint16_t free_ = 0;
  std::array<Flow, kFlows> flows_;
  uint64_t given_ = 0;  // where a stream that was not waiting begins
  uint32_t order_ = 0;
  size_t size_ = 0;
};

}  // namespace sluice::pacer
