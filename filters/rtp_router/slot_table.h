// Which speaker a listener hears on which of its slots. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::rtp_router {

class SlotTable {
 public:
  explicit SlotTable(size_t slots) : slots_(slots) {}

  struct Assignment {
    size_t slot;
    bool fresh;  // the speaker has only just come to this slot
  };
  // A packet of this speaker (non-zero) is here. Keeps its slot; else takes an unused one; else the one that
  // was silent longest, if for at least `hold`. Nothing when all are busy.
  std::optional<Assignment> assign(uint32_t speaker, Instant now, Duration hold);

  // 0 when unused.
  uint32_t speaker(size_t slot) const { return slots_[slot].speaker; }
  size_t size() const { return slots_.size(); }

  void archive(Archive& a) {
    for (Slot& slot : slots_) a(slot.speaker, slot.last);
  }

 private:
  struct Slot {
    uint32_t speaker = 0;
    Instant last{};
  };
  std::vector<Slot> slots_;
};

}  // namespace sluice::rtp_router
