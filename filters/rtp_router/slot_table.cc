#include "filters/rtp_router/slot_table.h"

#include <algorithm>

namespace sluice::rtp_router {

std::optional<SlotTable::Assignment> SlotTable::assign(uint32_t speaker,
                                                       const media::SpeechDetector::Speech& speech,
                                                       Instant now, Duration hold) {
  Slot* slot = findHolder(speaker);
  const bool fresh = slot == nullptr;
  if (fresh) {
    slot = findSlotFor(speech, now, hold);
    if (slot == nullptr) return std::nullopt;
    *slot = {.speaker = speaker, .since = now};
  }
  slot->packet = now;
  slot->loudness = speech.loudness;
  if (speech.active) slot->speech = now;
  return Assignment{static_cast<size_t>(slot - slots_.data()), fresh};
}

SlotTable::Slot* SlotTable::findHolder(uint32_t speaker) {
  const auto it = std::ranges::find(slots_, speaker, &Slot::speaker);
  return it == slots_.end() ? nullptr : &*it;
}

SlotTable::Slot* SlotTable::findSlotFor(const media::SpeechDetector::Speech& speech, Instant now,
                                        Duration hold) {
  if (slots_.empty()) return nullptr;
  // An unused slot has the earliest possible packet time.
  Slot& abandoned = *std::ranges::min_element(slots_, {}, &Slot::packet);
  if (abandoned.speaker == 0 || now - abandoned.packet >= hold) return &abandoned;
  if (!speech.active) return nullptr;
  Slot& silent = *std::ranges::min_element(slots_, {}, &Slot::speech);
  if (now - silent.speech >= hold) return &silent;
  Slot& quiet = *std::ranges::min_element(slots_, {}, &Slot::loudness);
  const bool louder = speech.loudness >= quiet.loudness + kMargin;
  return louder && now - quiet.since >= hold ? &quiet : nullptr;
}

}  // namespace sluice::rtp_router
