#include "source/media/speech_detector.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "source/codec/opus_toc.h"
#include "source/media/opus_encoder.h"
#include "test/support/voice_signal.h"

namespace sluice::media {
namespace {

struct Speaker {
  SpeechDetector detector;
  Instant now{1h};

  SpeechDetector::Speech level(uint8_t level) { return detector.onLevel(level, now += 20ms); }
  SpeechDetector::Speech levels(uint8_t level, int packets) {
    SpeechDetector::Speech last;
    for (int i = 0; i < packets; ++i) last = this->level(level);
    return last;
  }
};

TEST_CASE("SpeechDetector: the first loud packet is speech, silence is not") {
  Speaker speaker;
  CHECK_FALSE(speaker.levels(127, 50).active);
  CHECK(speaker.level(30).active);
  CHECK_FALSE(speaker.level(127).active);
  CHECK_FALSE(speaker.level(255).active);  // not a level: counts as silence
}

TEST_CASE("SpeechDetector: steady background noise is not speech, and speech above it is") {
  Speaker speaker;
  CHECK(speaker.level(45).active);  // not known as noise yet
  CHECK_FALSE(speaker.levels(45, 15 * 50).active);
  CHECK(speaker.level(30).active);
  CHECK_FALSE(speaker.level(45).active);
}

TEST_CASE("SpeechDetector: a steady sound above -40 dBov stays speech") {
  Speaker speaker;
  CHECK(speaker.levels(25, 60 * 50).active);
}

TEST_CASE("SpeechDetector: pauses between words prevent a speaker from being classified as noise") {
  Speaker speaker;
  for (int word = 0; word < 60; ++word) {
    CHECK(speaker.levels(48, 25).active);
    speaker.levels(80, 10);
  }
}

TEST_CASE("SpeechDetector: loudness follows speech in about 100 ms and outlives a pause between words") {
  Speaker speaker;
  speaker.levels(127, 50);
  CHECK(speaker.level(30).loudness < 30);  // a single packet may be a click
  CHECK(speaker.levels(30, 8).loudness > 85);
  const uint8_t speaking = speaker.levels(30, 50).loudness;
  CHECK(speaker.levels(127, 15).loudness >= speaking - 10);  // 300 ms
  CHECK(speaker.levels(127, 250).loudness == 0);
}

// The share of a signal's packets that the detector classifies as speech from Opus alone.
double activeShare(const std::vector<int16_t>& pcm, const Profile& profile) {
  OpusEncoder encoder;
  encoder.apply(profile);
  SpeechDetector detector;
  std::array<uint8_t, kMaxOpusFrame> buffer;
  Instant now{1h};
  int packets = 0;
  int active = 0;
  for (size_t at = 0; at + profile.samples() <= pcm.size(); at += profile.samples()) {
    const size_t size = encoder.encode({&pcm[at], profile.samples()}, buffer);
    const auto info = opus::parse({buffer.data(), size});
    REQUIRE(info);
    active += detector.onFrame(info->active, now += 20ms).active;
    ++packets;
  }
  return static_cast<double>(active) / packets;
}

TEST_CASE("SpeechDetector: without levels, Opus distinguishes speech from silence in every mode") {
  using opus::Bandwidth;
  using opus::Mode;
  const Profile profiles[] = {
      {.bandwidth = Bandwidth::kWide, .mode = Mode::kSilk},
      {.bandwidth = Bandwidth::kNarrow, .frame_ms = 60, .mode = Mode::kSilk},
      {.bandwidth = Bandwidth::kFull, .mode = Mode::kCelt},
      {},
  };
  const auto voice = test::voiceSignal(3, 120);
  const std::vector<int16_t> silence(voice.size());
  for (const Profile& profile : profiles) {
    CAPTURE(static_cast<int>(profile.bandwidth));
    CHECK(activeShare(voice, profile) > 0.5);
    CHECK(activeShare(silence, profile) < 0.1);  // the encoder's first frames ring
  }
}

}  // namespace
}  // namespace sluice::media
