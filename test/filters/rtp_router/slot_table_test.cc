#include "filters/rtp_router/slot_table.h"

#include <doctest/doctest.h>

namespace sluice::rtp_router {
namespace {

using Speech = media::SpeechDetector::Speech;

constexpr Speech kSpeech{.active = true, .loudness = 90};
constexpr Speech kSilence{.active = false, .loudness = 0};

struct Table {
  explicit Table(size_t slots) : table(slots) {}

  // The slot, or -1.
  int assign(uint32_t speaker, const Speech& speech, Duration after = {}) {
    now += after;
    const auto assignment = table.assign(speaker, speech, now, 500ms);
    return assignment ? static_cast<int>(assignment->slot) : -1;
  }

  SlotTable table;
  Instant now{1h};
};

TEST_CASE("SlotTable: a speaker keeps its slot, and another speaker takes the slot that was silent longest") {
  Table t(2);
  CHECK(t.assign(1, kSpeech) == 0);
  CHECK(t.assign(2, kSpeech, 1ms) == 1);
  CHECK_FALSE(t.table.assign(1, kSpeech, t.now, 500ms)->fresh);
  CHECK(t.assign(1, kSpeech, 1ms) == 0);
  CHECK(t.assign(3, kSpeech, 1ms) == -1);
  const auto taken = t.table.assign(3, kSpeech, t.now += 498ms, 500ms);
  REQUIRE(taken);
  CHECK(taken->slot == 1);
  CHECK(taken->fresh);
  CHECK(Table(0).assign(1, kSpeech) == -1);
}

TEST_CASE("SlotTable: a slot with silent packets yields to speech") {
  Table t(1);
  CHECK(t.assign(1, kSilence) == 0);
  CHECK(t.assign(2, kSpeech, 20ms) == 0);  // with its first packet
  CHECK(t.table.speaker(0) == 2);
}

TEST_CASE("SlotTable: silence takes a free slot, and no slot that is in use") {
  Table t(2);
  CHECK(t.assign(1, kSilence) == 0);
  CHECK(t.assign(2, kSilence) == 1);
  for (int i = 0; i < 100; ++i) {
    CHECK(t.assign(3, kSilence, 10ms) == -1);
    CHECK(t.assign(1, kSilence, 5ms) == 0);
    CHECK(t.assign(2, kSilence, 5ms) == 1);
  }
  CHECK(t.assign(1, kSilence, 300ms) == 0);
  CHECK(t.assign(3, kSilence, 200ms) == 1);  // 2 stopped sending
}

TEST_CASE("SlotTable: a speaker keeps its slot through a pause between words, not through a longer pause") {
  Table t(1);
  CHECK(t.assign(1, kSpeech) == 0);
  for (int i = 0; i < 24; ++i) {
    CHECK(t.assign(1, {.active = false, .loudness = 85}, 10ms) == 0);
    CHECK(t.assign(2, kSpeech, 10ms) == -1);
  }
  CHECK(t.assign(1, {.active = false, .loudness = 85}, 10ms) == 0);
  CHECK(t.assign(2, kSpeech, 10ms) == 0);
}

TEST_CASE("SlotTable: a much louder speaker takes the slot of the quietest, and the two do not alternate") {
  Table t(2);
  CHECK(t.assign(1, {.active = true, .loudness = 80}) == 0);
  CHECK(t.assign(2, {.active = true, .loudness = 70}) == 1);
  const Speech loud{.active = true, .loudness = 70 + SlotTable::kMargin};
  CHECK(t.assign(3, loud, 499ms) == -1);  // 2 has only just started
  CHECK(t.assign(1, {.active = true, .loudness = 80}) == 0);
  CHECK(t.assign(2, {.active = true, .loudness = 70}) == 1);
  CHECK(t.assign(3, {.active = true, .loudness = 70 + SlotTable::kMargin - 1}, 1ms) == -1);
  CHECK(t.assign(3, loud) == 1);
  CHECK(t.assign(2, {.active = true, .loudness = 70}, 1s) == 0);  // 1 became silent
  CHECK(t.assign(3, loud) == 1);
}

}  // namespace
}  // namespace sluice::rtp_router
