#include "filters/rtp_router/slot_table.h"

namespace sluice::rtp_router {

std::optional<SlotTable::Assignment> SlotTable::assign(uint32_t speaker, Instant now, Duration hold) {
  Slot* longest = nullptr;
  for (Slot& slot : slots_) {
    if (slot.speaker == speaker) {
      slot.last = now;
      return Assignment{static_cast<size_t>(&slot - slots_.data()), false};
    }
    // An unused slot has been silent since the beginning of time.
    if (longest == nullptr || slot.last < longest->last) longest = &slot;
  }
  if (longest == nullptr || (longest->speaker != 0 && now - longest->last < hold)) return std::nullopt;
  *longest = {speaker, now};
  return Assignment{static_cast<size_t>(longest - slots_.data()), true};
}

}  // namespace sluice::rtp_router
