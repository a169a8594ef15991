#include "filters/rtp_router/stream_rewriter.h"

#include <algorithm>

namespace sluice::rtp_router {

std::optional<StreamRewriter::Out> StreamRewriter::rewrite(uint16_t sequence, uint32_t timestamp, bool fresh,
                                                           Instant now) {
  const bool begins = fresh || !started_;
  if (begins) {
    const uint32_t step = started_ ? std::max(kFrame, units(now - at_)) : 0;
    first_ = static_cast<uint16_t>(highest_ + 1);
    sequence_offset_ = static_cast<uint16_t>(first_ - sequence);
    timestamp_offset_ = timestamp_ + step - timestamp;
    started_ = true;
  }
  const Out out{static_cast<uint16_t>(sequence + sequence_offset_), timestamp + timestamp_offset_, begins};
  if (near_first_ && !begins && static_cast<int16_t>(out.sequence - first_) < 0) return std::nullopt;
  const auto ahead = static_cast<int16_t>(out.sequence - highest_);
  if (ahead <= 0) {
    const auto back = static_cast<size_t>(-ahead);
    if (back >= sent_.size() || sent_[back]) return std::nullopt;
    sent_.set(back);
  } else {
    sent_ <<= static_cast<size_t>(ahead);
    sent_.set(0);
    highest_ = out.sequence;
    near_first_ = begins || (near_first_ && static_cast<uint16_t>(highest_ - first_) < 0x4000);
    timestamp_ = out.timestamp;
    at_ = now;
  }
  return out;
}

void StreamRewriter::skip(uint16_t numbers) {
  highest_ = static_cast<uint16_t>(highest_ + numbers);
  sequence_offset_ = static_cast<uint16_t>(sequence_offset_ + numbers);
  sent_.set();
  first_ = static_cast<uint16_t>(highest_ + 1);
  near_first_ = true;
}

uint32_t StreamRewriter::timestampAt(Instant now) const {
  return timestamp_ + units(now - at_);
}

}  // namespace sluice::rtp_router
