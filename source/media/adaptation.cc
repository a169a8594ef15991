#include "source/media/adaptation.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::media {
namespace {

// The expected loss changes in steps, so that the profile does not change with every report.
constexpr unsigned kLossStep = 5;
constexpr unsigned kMaxExpectedLoss = 30;
constexpr double kTolerance = 0.02;

// In percent.
unsigned toSteps(double loss) {
  const auto steps = static_cast<unsigned>(std::ceil(std::clamp(loss, 0.0, 1.0) * 100 / kLossStep));
  return std::min(std::max(1u, steps) * kLossStep, kMaxExpectedLoss);
}

}  // namespace

bool Adaptation::update(const Line& line, Instant now) {
  const auto update = [&](Trigger& trigger, double value, const Threshold& threshold) {
    return trigger.update(value, threshold.high, threshold.low, config_.hold, now);
  };
  const bool far = update(far_, line.rtt_ms, config_.rtt_ms);
  const bool lossy = update(lossy_, line.loss, config_.loss);
  const bool busy = update(busy_, line.busy, config_.busy);
  if (lossy) {
    expectLoss(line.loss, now);
  } else {
    expected_loss_ = 0;
  }
  const Profile chosen = choose(far, lossy, busy);
  return std::exchange(profile_, chosen) != chosen;
}

// Rises at once if the loss is clearly higher; falls after the hold time.
void Adaptation::expectLoss(double loss, Instant now) {
  const unsigned percent = toSteps(loss);
  if (percent >= expected_loss_) expected_since_ = now;
  const bool more = toSteps(loss - kTolerance) > expected_loss_;
  if (more || now - expected_since_ >= config_.hold) expected_loss_ = percent;
}

Profile Adaptation::choose(bool far, bool lossy, bool busy) const {
  Profile profile{.bandwidth = opus::Bandwidth::kFull,
                  .frame_ms = 20,
                  .complexity = 10,
                  .bitrate_bps = config_.bitrate_bps};
  if (lossy) {
    profile.mode = opus::Mode::kSilk;
    profile.fec = true;
    profile.expected_loss_percent = expected_loss_;
    profile.bandwidth = opus::Bandwidth::kWide;
    profile.bitrate_bps = config_.fec_bitrate_bps;
  }
  if (far) {
    profile.bandwidth = opus::Bandwidth::kNarrow;
    profile.frame_ms = 10;
    if (!lossy) profile.bitrate_bps = config_.narrowband_bitrate_bps;
  }
  if (busy) profile.complexity = far && lossy ? 0 : 2;
  return profile;
}

}  // namespace sluice::media
