// Assigns speakers to the slots of one receiver. Pure.
//
// Slots are for speech. Silent packets of an open microphone may use a free slot, and yield it to the first
// speaker that needs it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/media/speech_detector.h"

namespace sluice::rtp_router {

class SlotTable {
 public:
  explicit SlotTable(size_t slots) : slots_(slots) {}

  // A speaker must be louder than the quietest holder by this margin, in dB, to take its slot.
  static constexpr uint8_t kMargin = 12;

  struct Assignment {
    size_t slot;
    bool fresh;  // the speaker has just taken this slot
  };
  // Assigns a slot to a packet of `speaker` (non-zero). A speaker keeps its slot. Without one it takes, in
  // this order:
  //   1. a slot that is unused, or whose holder sent no packet for `hold`;
  //   2. with speech, the slot whose holder has been silent longest, if that is at least `hold`;
  //   3. with speech, the slot of the quietest holder, if that is kMargin quieter and has held it for `hold`.
  // Returns nullopt if there is none.
  std::optional<Assignment> assign(uint32_t speaker, const media::SpeechDetector::Speech& speech, Instant now,
                                   Duration hold);

  // 0 when unused.
  uint32_t speaker(size_t slot) const { return slots_[slot].speaker; }
  size_t size() const { return slots_.size(); }

  void archive(Archive& a) {
    for (Slot& slot : slots_) a(slot.speaker, slot.loudness, slot.since, slot.packet, slot.speech);
  }

 private:
  struct Slot {
    uint32_t speaker = 0;
    uint8_t loudness = 0;
    Instant since{};   // when the speaker took it
    Instant packet{};  // the speaker's last one
    Instant speech{};  // the speaker's last one with speech
  };
  Slot* findHolder(uint32_t speaker);
  Slot* findSlotFor(const media::SpeechDetector::Speech& speech, Instant now, Duration hold);

  std::vector<Slot> slots_;
};

}  // namespace sluice::rtp_router
