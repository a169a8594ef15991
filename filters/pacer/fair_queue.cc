#include "filters/pacer/fair_queue.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::pacer {
namespace {

constexpr size_t kRtpHeader = 12;

uint32_t ssrcOf(const net::Packet& packet) {
  return packet.size() < kRtpHeader ? 0 : readU32(&packet.data()[8]);
}

}  // namespace

FairQueue::FairQueue(size_t capacity) : nodes_(capacity) {
  assert(capacity > 0 && capacity < kNone);
  for (size_t i = 0; i + 1 < capacity; ++i) nodes_[i].next = static_cast<uint16_t>(i + 1);
}

// The stream's own lane, else one that it shares and may still wait in, else one that nothing waits in, else
// one that it shares from now on.
FairQueue::Lane& FairQueue::laneOf(uint32_t ssrc) {
  Lane* free = nullptr;
  for (Lane& lane : lanes_) {
    if (lane.ssrc == ssrc) {
      if (lane.length == 0) lane = {.ssrc = ssrc, .given = std::max(lane.given, given_)};
      return lane;
    }
    if (lane.length == 0) free = &lane;
  }
  Lane& shared = lanes_[ssrc % kLanes];
  if (free == nullptr) shared.is_shared = true;
  if (shared.is_shared && shared.length > 0) return shared;
  *free = {.ssrc = ssrc, .given = given_};
  return *free;
}

net::PacketPtr FairQueue::push(net::PacketPtr&& packet, size_t limit) {
  Lane& lane = laneOf(ssrcOf(*packet));
  assert(limit > 0 && limit <= nodes_.size());
  net::PacketPtr loser;
  if (size_ >= limit) {
    Lane& longest = *std::ranges::max_element(lanes_, {}, &Lane::length);
    if (lane.length >= longest.length) return std::move(packet);
    loser = take(longest);
  }
  const uint16_t at = free_;
  Node& node = nodes_[at];
  free_ = std::exchange(node.next, kNone);
  node.packet = std::move(packet);
  node.order = order_++;
  (lane.length == 0 ? lane.first : nodes_[lane.last].next) = at;
  lane.last = at;
  ++lane.length;
  ++size_;
  return loser;
}

// The lane that will have been given the fewest bytes with its first packet; of several, the one whose packet
// came first.
size_t FairQueue::next() const {
  assert(!empty());
  size_t best = kLanes;
  uint64_t best_given = 0;
  for (size_t i = 0; i < kLanes; ++i) {
    const Lane& lane = lanes_[i];
    if (lane.length == 0) continue;
    const uint64_t given = lane.given + nodes_[lane.first].packet->size();
    if (best == kLanes || given < best_given || (given == best_given && cameBefore(lane, lanes_[best]))) {
      best = i;
      best_given = given;
    }
  }
  return best;
}

bool FairQueue::cameBefore(const Lane& a, const Lane& b) const {
  return static_cast<int32_t>(nodes_[a.first].order - nodes_[b.first].order) < 0;
}

const net::Packet& FairQueue::front() const {
  return *nodes_[lanes_[next()].first].packet;
}

net::PacketPtr FairQueue::pop(bool counts) {
  Lane& lane = lanes_[next()];
  given_ = lane.given;
  if (counts) lane.given += nodes_[lane.first].packet->size();
  return take(lane);
}

net::PacketPtr FairQueue::take(Lane& lane) {
  const uint16_t at = lane.first;
  Node& node = nodes_[at];
  lane.first = std::exchange(node.next, free_);
  free_ = at;
  --lane.length;
  --size_;
  return std::move(node.packet);
}

}  // namespace sluice::pacer
