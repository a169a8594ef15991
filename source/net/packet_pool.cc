#include "source/net/packet_pool.h"

#include <algorithm>

namespace sluice::net {

bool Packet::assign(Bytes bytes) {
  if (bytes.size() > kCapacity - offset_) return false;
  onChange();
  std::copy(bytes.begin(), bytes.end(), block_ + offset_);
  size_ = static_cast<uint16_t>(bytes.size());
  return true;
}

void Packet::copyEnvelope(const Packet& other) {
  remote = other.remote;
  local = other.local;
  received = other.received;
  deadline = other.deadline;
  kind = other.kind;
  tos = other.tos;
  ttl = other.ttl;
  via = other.via;
  tuple = other.tuple;
  slot = other.slot;
  route_ = other.route_;
  dont_fragment = other.dont_fragment;
}

void Packet::parseRtp() const {
  const auto parsed = rtp::parse(data());
  rtp_state_ = parsed ? RtpState::kParsed : RtpState::kMalformed;
  if (parsed) rtp_ = *parsed;
}

void Packet::reset() {
  remote = local = {};
  received = {};
  deadline = Instant::max();
  kind = PacketKind::kOther;
  tos = ttl = tuple = 0;
  via = 0;
  slot = kNoSlot;
  dont_fragment = false;
  route_ = Route::kSelected;
  rtp_state_ = RtpState::kUnknown;
  clearNote();
  offset_ = kHeadroom;
  size_ = 0;
  holders_ = 0;
  settled_ = false;
}

void PacketReleaser::operator()(Packet* packet) const {
  packet->pool_->release(packet);
}

PacketPool::PacketPool(size_t max_packets) : max_packets_(max_packets) {
  adopt();
  slabs_.reserve(max_packets / kSlab + 1);
}

PacketPool::~PacketPool() = default;

PacketPtr PacketPool::acquire() {
  if (free_ == nullptr && !refill()) {
    exhausted_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  Packet* packet = free_;
  free_ = packet->next_;
  packet->reset();
  return PacketPtr(packet);
}

bool PacketPool::refill() {
  free_ = returned_.exchange(nullptr, std::memory_order_acquire);
  if (free_ != nullptr) return true;
  if (allocated() + kSlab > max_packets_ && allocated() > 0) return false;
  slabs_.push_back(Slab(new Packet[kSlab]));
  for (Packet *packet = slabs_.back().get(), *end = packet + kSlab; packet != end; ++packet) {
    packet->pool_ = this;
    packet->next_ = free_;
    free_ = packet;
  }
  allocated_.fetch_add(kSlab, std::memory_order_relaxed);
  return true;
}

void PacketPool::release(Packet* packet) {
  if (!packet->settled_) {
    unaccounted_.fetch_add(1, std::memory_order_relaxed);
    assert(false && "a packet was neither sent, dropped nor consumed");
  }
  const bool on_owner_thread = std::this_thread::get_id() == owner_.load(std::memory_order_relaxed);
  assert(on_owner_thread || !packet->origin);
  packet->origin.reset();
  if (on_owner_thread) {
    packet->next_ = free_;
    free_ = packet;
    return;
  }
  Packet* head = returned_.load(std::memory_order_relaxed);
  do {
    packet->next_ = head;
  } while (
      !returned_.compare_exchange_weak(head, packet, std::memory_order_release, std::memory_order_relaxed));
}

}  // namespace sluice::net
