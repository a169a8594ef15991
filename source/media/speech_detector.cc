#include "source/media/speech_detector.h"

#include <algorithm>

namespace sluice::media {
namespace {

constexpr float kSilence = 127;           // -dBov
constexpr float kQuietest = 127 - 60;     // speech is louder than -60 dBov
constexpr float kMaxFloor = 127 - 40;     // louder than -40 dBov is never background noise
constexpr float kAboveFloor = 9;          // dB
constexpr float kFloorRise = 6;           // dB/s: a pause between words brings the floor down again
constexpr Duration kMaxGap = 100ms;       // of DTX; the floor does not rise while nothing is sent
constexpr float kAttack = 0.25F;          // of the difference, for each packet: about 100 ms
constexpr float kRelease = 30;            // dB/s: a pause between words costs little
constexpr float kActiveFrame = 127 - 30;  // assumed for a frame that signals only activity

float seconds(Duration duration) {
  return std::chrono::duration<float>(duration).count();
}

}  // namespace

SpeechDetector::Speech SpeechDetector::onLevel(uint8_t level, Instant now) {
  const float loudness = kSilence - std::min<float>(level, kSilence);
  const float risen = floor_ + kFloorRise * seconds(std::min<Duration>(now - at_, kMaxGap));
  floor_ = std::min({risen, loudness, kMaxFloor});
  return update(loudness >= kQuietest && loudness >= floor_ + kAboveFloor, loudness, now);
}

SpeechDetector::Speech SpeechDetector::onFrame(std::optional<bool> active, Instant now) {
  const bool speech = active.value_or(true);
  return update(speech, speech ? kActiveFrame : 0, now);
}

SpeechDetector::Speech SpeechDetector::update(bool active, float loudness, Instant now) {
  const float released = std::max(0.F, loudness_ - kRelease * seconds(now - at_));
  loudness_ = std::max(released, loudness_ + kAttack * (loudness - loudness_));
  at_ = now;
  return {active, static_cast<uint8_t>(loudness_)};
}

}  // namespace sluice::media
