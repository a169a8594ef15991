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

// The stream's own flow, else a shared one in which it may still wait, else an empty one, else one that it
// shares from now on.
FairQueue::Flow& FairQueue::flowOf(uint32_t ssrc) {
  Flow* free = nullptr;
  for (Flow& flow : flows_) {
    if (flow.ssrc == ssrc) {
      if (flow.length == 0) flow = {.ssrc = ssrc, .given = std::max(flow.given, given_)};
      return flow;
    }
    if (flow.length == 0) free = &flow;
  }
  Flow& shared = flows_[ssrc % kFlows];
  if (free == nullptr) shared.is_shared = true;
  if (shared.is_shared && shared.length > 0) return shared;
  *free = {.ssrc = ssrc, .given = given_};
  return *free;
}

net::PacketPtr FairQueue::push(net::PacketPtr&& packet, size_t limit) {
  Flow& flow = flowOf(ssrcOf(*packet));
  assert(limit > 0 && limit <= nodes_.size());
  net::PacketPtr loser;
  if (size_ >= limit) {
    Flow& longest = *std::ranges::max_element(flows_, {}, &Flow::length);
    if (flow.length >= longest.length) return std::move(packet);
    loser = take(longest);
  }
  const uint16_t at = free_;
  Node& node = nodes_[at];
  free_ = std::exchange(node.next, kNone);
  node.packet = std::move(packet);
  node.order = order_++;
  (flow.length == 0 ? flow.first : nodes_[flow.last].next) = at;
  flow.last = at;
  ++flow.length;
  ++size_;
  return loser;
}

// The flow that will have been served the fewest bytes with its first packet; of several, the one whose
// packet arrived first.
size_t FairQueue::next() const {
  assert(!empty());
  size_t best = kFlows;
  uint64_t best_given = 0;
  for (size_t i = 0; i < kFlows; ++i) {
    const Flow& flow = flows_[i];
    if (flow.length == 0) continue;
    const uint64_t given = flow.given + nodes_[flow.first].packet->size();
    if (best == kFlows || given < best_given || (given == best_given && cameBefore(flow, flows_[best]))) {
      best = i;
      best_given = given;
    }
  }
  return best;
}

bool FairQueue::cameBefore(const Flow& a, const Flow& b) const {
  return static_cast<int32_t>(nodes_[a.first].order - nodes_[b.first].order) < 0;
}

const net::Packet& FairQueue::front() const {
  return *nodes_[flows_[next()].first].packet;
}

net::PacketPtr FairQueue::pop(bool counts) {
  Flow& flow = flows_[next()];
  given_ = flow.given;
  if (counts) flow.given += nodes_[flow.first].packet->size();
  return take(flow);
}

net::PacketPtr FairQueue::take(Flow& flow) {
  const uint16_t at = flow.first;
  Node& node = nodes_[at];
  flow.first = std::exchange(node.next, free_);
  free_ = at;
  --flow.length;
  --size_;
  return std::move(node.packet);
}

}  // namespace sluice::pacer
