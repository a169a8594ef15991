#include "filters/rtp_router/slot_selection.h"

namespace sluice::rtp_router {

void SlotSelection::configure(const Selection::Config& configured) {
  if (version_ == 0) selection_.configure(configured);
}

SlotSelection::Selection::Admission SlotSelection::admit(const Voice& voice, const LocalRoom& room,
                                                         const audibility::Hearer* hearer, Instant now) {
  const size_t used = selection_.size();
  Selection::Input input{
      .speaker = voice.speaker, .loudness = voice.speech.loudness, .speech = voice.speech.active};
  if (limit_ != room.speakerLimit()) {
    limit_ = room.speakerLimit();
    selection_.limit(limit_);
  }
  if (hearer != nullptr) followRules(input, room, *hearer, now);
  const bool freed = selection_.size() != used;
  const Selection::Admission admission = selection_.admit(input, now);
  changed_ = freed || (admission.isAdmitted() && admission.outcome != Selection::Outcome::kHeld);
  return admission;
}

void SlotSelection::followRules(Selection::Input& input, const LocalRoom& room,
                                const audibility::Hearer& hearer, Instant now) {
  if (version_ != room.version()) {
    version_ = room.version();
    is_unchecked_ = true;
    selection_.configure(room.selection());
  }
  if (is_unchecked_ && selection_.isFull() && !selection_.holds(input.speaker)) {
    is_unchecked_ = false;
    removeInaudible(room, hearer.number, now);
  }
  input.priority = hearer.priority;
  input.proximity_db = hearer.proximity_db;
  if (room.selection().mutual_bonus_db > 0) {
    input.mutual = room.hearers().explain(hearer.number, input.speaker, now).audible;
  }
}

// Costs a decision for each slot, at most once for each version and only while slots are scarce.
void SlotSelection::removeInaudible(const LocalRoom& room, uint32_t receiver, Instant now) {
  for (size_t slot = 0; slot < selection_.places(); ++slot) {
    const uint32_t speaker = selection_.speaker(slot);
    if (speaker == 0 || room.hearers().explain(speaker, receiver, now).audible) continue;
    selection_.remove(speaker);
  }
}

}  // namespace sluice::rtp_router
