// Sequence numbers of one slot's stream that filters share. Outlives the filters, so that no number is used
// twice under one SRTP key. Used on the player's worker only.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "source/base/archive.h"

namespace sluice::rooms {

class SlotSequence {
 public:
  // The router numbers the stream's packets. A filter outward of it that has sent `numbers` more packets than
  // it received reserves them: the router continues after them.
  void reserve(uint16_t numbers) { reserved_ = static_cast<uint16_t>(reserved_ + numbers); }
  // Called by the router: the count of numbers to skip now.
  uint16_t takeReserved() { return std::exchange(reserved_, uint16_t{0}); }

  // Retransmissions have a stream and numbers of their own (RFC 4588 section 4). `first` counts if none was
  // sent yet.
  void beginRtx(uint16_t first) { rtx_ = rtx_.value_or(first); }
  uint16_t nextRtx() { return (*rtx_)++; }

  void archive(Archive& a) { a(reserved_, rtx_); }

 private:
  uint16_t reserved_ = 0;
  std::optional<uint16_t> rtx_;
};

}  // namespace sluice::rooms
