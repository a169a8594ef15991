#include "filters/repair/packet_history.h"

#include <utility>

namespace sluice::repair {

SentPacket& PacketHistory::add(uint16_t sequence) {
  const auto from_oldest = static_cast<int16_t>(sequence - oldest_);
  const auto reach = static_cast<int>(ring_.size());
  if (span_ == 0 || from_oldest < static_cast<int>(span_) - reach ||
      from_oldest >= static_cast<int>(span_) + reach) {
    clear();  // first packet, or a jump
    oldest_ = sequence;
    span_ = 1;
  } else if (from_oldest < 0) {
    oldest_ = sequence;
    span_ += static_cast<size_t>(-from_oldest);
  } else if (static_cast<size_t>(from_oldest) >= span_) {
    span_ = static_cast<size_t>(from_oldest) + 1;
    while (span_ > ring_.size()) {
      at(oldest_++).block.reset();
      --span_;
    }
  }
  SentPacket& sent = at(sequence);
  sent = {};
  sent.sequence = sequence;
  return sent;
}

void PacketHistory::resize(size_t packets) {
  if (packets == ring_.size()) return;
  PacketHistory fresh(packets);
  for (; span_ > 0; --span_, ++oldest_) {
    if (SentPacket* sent = find(oldest_)) fresh.add(oldest_) = std::move(*sent);
  }
  *this = std::move(fresh);
}

void PacketHistory::forget(Instant before) {
  for (; span_ > 0; --span_, ++oldest_) {
    SentPacket& sent = at(oldest_);
    if (sent.block && sent.at >= before) return;
    sent.block.reset();
  }
}

void PacketHistory::clear() {
  for (; span_ > 0; --span_, ++oldest_) at(oldest_).block.reset();
}

}  // namespace sluice::repair
