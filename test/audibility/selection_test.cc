#include "source/audibility/selection.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

namespace sluice::audibility {
namespace {

using Outcome = Selection::Outcome;
constexpr Instant kNow{1h};
constexpr Selection::Config kTwo{.max_speakers = 2,
                                 .rank_by = Selection::RankBy::kLoudness,
                                 .hysteresis_db = 6,
                                 .min_hold = 500ms,
                                 .hold = 400ms,
                                 .dominant_bonus_db = 0,
                                 .mutual_bonus_db = 0};

Selection::Input speech(uint32_t speaker, uint8_t loudness, uint8_t priority = 0) {
  return {.speaker = speaker, .priority = priority, .loudness = loudness};
}

TEST_CASE("Selection: the first packets take the places, and their speakers keep them") {
  Selection selection(2, kTwo);
  CHECK(selection.admit(speech(1, 50), kNow).outcome == Outcome::kTaken);
  CHECK(selection.admit(speech(2, 50), kNow).outcome == Outcome::kTaken);
  const auto held = selection.admit(speech(1, 0), kNow + 20ms);
  CHECK(held.outcome == Outcome::kHeld);
  CHECK(selection.speaker(held.place) == 1);
  CHECK(selection.size() == 2);
}

TEST_CASE("Selection: a refusal names the lowest-ranked speaker that keeps its place") {
  Selection selection(2, kTwo);
  selection.admit(speech(1, 60), kNow);
  selection.admit(speech(2, 50), kNow);
  const auto refused = selection.admit(speech(3, 52), kNow + 20ms);
  CHECK(refused.outcome == Outcome::kRefused);
  CHECK(refused.other == 2);
  CHECK_FALSE(refused.isAdmitted());
}

TEST_CASE(
    "Selection: a louder speaker takes the lowest place after the minimum hold, beyond the hysteresis") {
  Selection selection(2, kTwo);
  Instant now = kNow;
  const auto hold = [&](Duration until) {
    for (; now < kNow + until; now += 20ms) {
      selection.admit(speech(1, 60), now);
      selection.admit(speech(2, 50), now);
    }
  };
  hold(100ms);
  CHECK(selection.admit(speech(3, 80), now).outcome == Outcome::kRefused);
  hold(600ms);
  CHECK(selection.admit(speech(3, 55), now).outcome == Outcome::kRefused);
  const auto admission = selection.admit(speech(3, 56), now);
  CHECK(admission.outcome == Outcome::kReplaced);
  CHECK(admission.other == 2);
  CHECK(selection.holds(3));
  CHECK_FALSE(selection.holds(2));
}

TEST_CASE("Selection: priority wins at once, and is not outdone by loudness") {
  Selection selection(1, kTwo);
  selection.admit(speech(1, 127), kNow);
  CHECK(selection.admit(speech(2, 0, 1), kNow + 20ms).outcome == Outcome::kReplaced);
  Instant now = kNow;
  for (; now < kNow + 2s; now += 20ms) selection.admit(speech(2, 0, 1), now);
  CHECK(selection.admit(speech(1, 127), now).outcome == Outcome::kRefused);
}

TEST_CASE("Selection: a speaker without packets frees its place after the hold") {
  Selection selection(1, kTwo);
  selection.admit(speech(1, 60), kNow);
  CHECK(selection.admit(speech(2, 0), kNow + 399ms).outcome == Outcome::kRefused);
  const auto admission = selection.admit(speech(2, 0), kNow + 400ms);
  CHECK(admission.outcome == Outcome::kReplaced);
  CHECK(admission.other == 1);
}

TEST_CASE("Selection: silence takes only free places and yields to speech") {
  Selection selection(1, kTwo);
  Selection::Input silence = speech(1, 0);
  silence.speech = false;
  CHECK(selection.admit(silence, kNow).outcome == Outcome::kTaken);
  silence.speaker = 2;
  CHECK(selection.admit(silence, kNow + 20ms).outcome == Outcome::kSilent);
  CHECK(selection.admit(speech(3, 0), kNow + 20ms).outcome == Outcome::kReplaced);
}

TEST_CASE(
    "Selection: a holder who is silent, even of higher priority, yields after the hold and returns at once") {
  Selection selection(1, kTwo);
  selection.admit(speech(1, 60, 1), kNow);
  Instant now = kNow;
  for (; now < kNow + 400ms; now += 20ms) {
    Selection::Input silence = speech(1, 0, 1);
    silence.speech = false;
    selection.admit(silence, now);
  }
  CHECK(selection.admit(speech(2, 40), now).outcome == Outcome::kReplaced);
  CHECK(selection.admit(speech(1, 10, 1), now + 20ms).outcome == Outcome::kReplaced);
}

TEST_CASE("Selection: a speaker keeps its place through a pause between words, not through a longer pause") {
  Selection selection(1, kTwo);
  Instant now = kNow;
  selection.admit(speech(1, 90), now);
  Selection::Input pause = speech(1, 85);
  pause.speech = false;
  for (; now < kNow + 380ms; now += 10ms) {
    CHECK(selection.admit(pause, now).outcome == Outcome::kHeld);
    CHECK(selection.admit(speech(2, 90), now).outcome == Outcome::kRefused);
  }
  selection.admit(pause, kNow + 400ms);
  CHECK(selection.admit(speech(2, 90), kNow + 400ms).outcome == Outcome::kReplaced);
}

TEST_CASE("Selection: two speakers of equal loudness do not take the place from each other in turn") {
  Selection selection(1, kTwo);
  size_t replacements = 0;
  for (Instant now = kNow; now < kNow + 10s; now += 20ms) {
    for (const uint32_t speaker : {1u, 2u}) {
      replacements += selection.admit(speech(speaker, 70), now).outcome == Outcome::kReplaced;
    }
  }
  CHECK(replacements == 0);
}

TEST_CASE("Selection: rank_by chooses what counts") {
  struct {
    Selection::RankBy rank_by;
    bool replaces;
  } const cases[] = {{Selection::RankBy::kLoudness, false},
                     {Selection::RankBy::kProximity, true},
                     {Selection::RankBy::kBoth, true}};
  for (const auto& c : cases) {
    Selection::Config config = kTwo;
    config.rank_by = c.rank_by;
    config.min_hold = 0ms;
    Selection selection(1, config);
    Selection::Input far = speech(1, 55), near = speech(2, 50);
    far.proximity_db = -20;
    near.proximity_db = -3;
    selection.admit(far, kNow);
    CHECK((selection.admit(near, kNow).outcome == Outcome::kReplaced) == c.replaces);
  }
}

TEST_CASE("Selection: the dominant speaker and those who hear the receiver have a bonus") {
  Selection::Config config = kTwo;
  config.min_hold = 0ms;
  config.dominant_bonus_db = 10;
  config.mutual_bonus_db = 10;
  Selection selection(2, config);
  selection.admit(speech(1, 60), kNow);
  CHECK(selection.dominantSpeaker() == 1);
  selection.admit(speech(2, 65), kNow);
  CHECK(selection.dominantSpeaker() == 1);  // within the hysteresis
  // 1 is less loud, but dominant: 2 loses its place.
  CHECK(selection.admit(speech(3, 72), kNow).other == 2);
  CHECK(selection.dominantSpeaker() == 3);
  // 1 is no longer dominant.
  CHECK(selection.admit(speech(4, 60), kNow).outcome == Outcome::kRefused);
  Selection::Input partner = speech(4, 60);
  partner.mutual = true;
  CHECK(selection.admit(partner, kNow).other == 1);
}

TEST_CASE("Selection: a smaller max_speakers takes places from the lowest ranks at once") {
  Selection selection(2, kTwo);
  selection.admit(speech(1, 50), kNow);
  selection.admit(speech(2, 60), kNow);
  Selection::Config one = kTwo;
  one.max_speakers = 1;
  selection.configure(one);
  CHECK_FALSE(selection.holds(1));
  CHECK(selection.holds(2));
  CHECK(selection.admit(speech(1, 50), kNow).outcome == Outcome::kRefused);
  selection.remove(2);
  CHECK(selection.size() == 0);
  CHECK(selection.admit(speech(1, 50), kNow).outcome == Outcome::kTaken);
}

TEST_CASE("Selection: without places every speaker is refused") {
  Selection selection(0, kTwo);
  CHECK(selection.admit(speech(1, 50), kNow).outcome == Outcome::kRefused);
  CHECK(selection.admit(speech(1, 50), kNow).other == 0);
}

TEST_CASE("Selection: an archive restores it") {
  Selection selection(2, kTwo);
  selection.admit(speech(1, 60), kNow);
  Descriptors descriptors;
  Archive writing(descriptors);
  selection.archive(writing);
  const std::string bytes = writing.takeBytes();
  Selection other(2, kTwo);
  Archive reading(asBytes(bytes), descriptors);
  other.archive(reading);
  CHECK(reading.ok());
  CHECK(other.holds(1));
  CHECK(other.size() == 1);
  CHECK(other.dominantSpeaker() == 1);
}

TEST_CASE("Selection: under random packets no speaker has two places and no limit is exceeded") {
  std::mt19937 random(1);
  Selection::Config config = kTwo;
  config.max_speakers = 4;
  config.dominant_bonus_db = 6;
  Selection selection(6, config);
  Instant now = kNow;
  for (int i = 0; i < 100'000; ++i) {
    Selection::Input input = speech(1 + static_cast<uint32_t>(random() % 12),
                                    static_cast<uint8_t>(random() % 128), static_cast<uint8_t>(random() % 2));
    input.speech = random() % 4 != 0;
    const bool held = selection.holds(input.speaker);
    const auto admission = selection.admit(input, now);
    REQUIRE(admission.isAdmitted() == selection.holds(input.speaker));
    REQUIRE((admission.outcome == Outcome::kHeld) == held);
    if (admission.isAdmitted()) REQUIRE(selection.speaker(admission.place) == input.speaker);
    std::multiset<uint32_t> speakers;
    for (size_t place = 0; place < 6; ++place) speakers.insert(selection.speaker(place));
    for (uint32_t speaker = 1; speaker <= 12; ++speaker) REQUIRE(speakers.count(speaker) <= 1);
    REQUIRE(selection.size() == 6 - speakers.count(0));
    REQUIRE(selection.size() <= 4);
    now += std::chrono::milliseconds{random() % 10};
  }
}

TEST_CASE("Selection: a limit takes the lowest ranks, whatever the configuration permits") {
  Selection selection(4, kTwo);
  selection.limit(3);
  selection.admit(speech(1, 60), kNow);
  selection.admit(speech(2, 50), kNow);
  CHECK(selection.isFull());
  selection.limit(1);
  CHECK(selection.size() == 1);
  CHECK(selection.holds(1));
  CHECK(selection.admit(speech(2, 50), kNow + 20ms).outcome == Outcome::kRefused);
  selection.limit(Selection::kNoLimit);
  CHECK(selection.admit(speech(2, 50), kNow + 40ms).outcome == Outcome::kTaken);
  CHECK(selection.isFull());
}

}  // namespace
}  // namespace sluice::audibility
