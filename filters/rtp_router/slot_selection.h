// Which speakers have the slots of one receiver: as the room's rules say, or as the filter is configured if
// the room has none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "filters/rtp_router/local_room.h"
#include "source/audibility/hearers.h"
#include "source/audibility/selection.h"
#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::rtp_router {

class SlotSelection {
 public:
  using Selection = audibility::Selection;

  // `configured` outlives the object, or the next configure().
  SlotSelection(size_t slots, const Selection::Config& configured) : selection_(slots, configured) {}
  // In force as long as the room has no rules.
  void configure(const Selection::Config& configured);

  // Call it for each packet that the receiver hears. `room` is always the same and outlives the object's use;
  // `hearer` is null if it has no rules.
  Selection::Admission admit(const Voice& voice, const LocalRoom& room, const audibility::Hearer* hearer,
                             Instant now);

  uint32_t speaker(size_t slot) const { return selection_.speaker(slot); }  // 0: free
  // The last admit() has changed which speakers have the slots, admitted or not.
  bool changed() const { return changed_; }
  // The receiver hears fewer speakers than it would without the room's limit.
  bool isLimited() const { return selection_.isLimited(); }

  void archive(Archive& a) { a(selection_); }

 private:
  // Applies the room's selection to the slots, and completes `input`.
  void followRules(Selection::Input& input, const LocalRoom& room, const audibility::Hearer& hearer,
                   Instant now);
  void removeInaudible(const LocalRoom& room, uint32_t receiver, Instant now);

  Selection selection_;  // its places are the slots
  uint16_t limit_ = Selection::kNoLimit;
  uint64_t version_ = 0;  // of the room that selection_ follows; 0: none yet
  bool changed_ = false;
  bool is_unchecked_ = true;  // speakers that have slots may be inaudible by this version
};

}  // namespace sluice::rtp_router
