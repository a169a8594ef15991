#include "filters/fragment/reassembly.h"

#include <algorithm>
#include <cstring>

namespace sluice::fragment {
namespace {

constexpr size_t kMax = net::Packet::kMaxPayload;

}  // namespace

void Reassembly::setCapacity(size_t max_messages) {
  capacity_ = max_messages;
  if (messages_.size() < capacity_) messages_.resize(capacity_);
}

Reassembly::Message* Reassembly::find(const net::Address& remote, uint16_t id) {
  for (Message& message : messages_) {
    if (message.used && message.id == id && message.remote == remote) return &message;
  }
  return nullptr;
}

// A free place; if necessary that of the oldest complete message, otherwise of the oldest incomplete one.
Reassembly::Message& Reassembly::vacate(net::PacketPtr& evicted) {
  size_t used = 0;
  Message* free = nullptr;
  Message* victim = nullptr;
  for (Message& message : messages_) {
    if (!message.used) {
      free = &message;
      continue;
    }
    ++used;
    const auto rank = [](const Message& m) { return std::pair(m.packet != nullptr, m.began); };
    if (victim == nullptr || rank(message) < rank(*victim)) victim = &message;
  }
  if (used < capacity_) return *free;
  evicted = std::move(victim->packet);
  return *victim;
}

Reassembly::Verdict Reassembly::check(const Message& message, const FragmentHeader& header, size_t size) {
  if (header.last != message.last) return Verdict::kInconsistent;
  if ((message.arrived >> header.index & 1) != 0) return Verdict::kDuplicate;
  const bool is_last = header.index == header.last;
  if (!is_last && message.size != 0 && message.size != size) return Verdict::kInconsistent;
  // A fragment that has not arrived yet has at least one byte.
  const size_t others = is_last ? std::max<size_t>(message.size, 1) : size;
  const size_t last = is_last ? size : std::max<size_t>(message.last_size, 1);
  return header.last * others + last > kMax ? Verdict::kTooLong : Verdict::kAdded;
}

void Reassembly::place(Message& message, const FragmentHeader& header, Bytes payload) {
  const bool is_last = header.index == header.last;
  const size_t at = is_last ? kMax - payload.size() : header.index * payload.size();
  // The payload may be that of the message's own packet.
  std::memmove(message.packet->mutableData().data() + at, payload.data(), payload.size());
  (is_last ? message.last_size : message.size) = static_cast<uint16_t>(payload.size());
  message.arrived = static_cast<uint16_t>(message.arrived | 1u << header.index);
}

net::PacketPtr Reassembly::finish(Message& message) {
  uint8_t* data = message.packet->mutableData().data();
  const size_t before = size_t{message.last} * message.size;
  std::memmove(data + before, data + kMax - message.last_size, message.last_size);
  message.packet->resize(before + message.last_size);
  return std::move(message.packet);
}

Reassembly::Result Reassembly::begin(const FragmentHeader& header, net::PacketPtr&& fragment, Instant now) {
  const Bytes payload = fragment->data().subspan(FragmentHeader::kSize);
  const Verdict verdict = check({.last = header.last}, header, payload.size());
  if (verdict != Verdict::kAdded) return {verdict, std::move(fragment)};
  Result result{Verdict::kAdded};
  Message& message = vacate(result.evicted);
  message = {.used = true, .remote = fragment->remote, .id = header.id, .last = header.last, .began = now};
  message.packet = std::move(fragment);
  net::Packet& packet = *message.packet;
  if (packet.headroom() > net::Packet::kHeadroom) packet.prepend(packet.headroom() - net::Packet::kHeadroom);
  packet.resize(kMax);
  place(message, header, payload);
  return result;
}

Reassembly::Result Reassembly::add(const FragmentHeader& header, net::PacketPtr&& fragment, Instant now) {
  Message* message = find(fragment->remote, header.id);
  if (message == nullptr) return begin(header, std::move(fragment), now);
  if (message->packet == nullptr) return {Verdict::kDuplicate, std::move(fragment)};
  const Bytes payload = fragment->data().subspan(FragmentHeader::kSize);
  const Verdict verdict = check(*message, header, payload.size());
  if (verdict != Verdict::kAdded) return {verdict, std::move(fragment)};
  place(*message, header, payload);
  fragment->settle();
  if (message->arrived + 1u < 2u << message->last) return {Verdict::kAdded};
  return {Verdict::kComplete, finish(*message)};
}

net::PacketPtr Reassembly::expire(Instant then) {
  for (Message& message : messages_) {
    if (!message.used || message.began > then) continue;
    message.used = false;
    if (message.packet != nullptr) return std::move(message.packet);
  }
  return nullptr;
}

Instant Reassembly::oldest() const {
  Instant oldest = Instant::max();
  for (const Message& message : messages_) {
    if (message.used) oldest = std::min(oldest, message.began);
  }
  return oldest;
}

size_t Reassembly::incomplete() const {
  return static_cast<size_t>(std::count_if(messages_.begin(), messages_.end(),
                                           [](const Message& m) { return m.packet != nullptr; }));
}

}  // namespace sluice::fragment
