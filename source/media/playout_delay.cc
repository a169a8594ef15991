#include "source/media/playout_delay.h"

#include <algorithm>

namespace sluice::media {
namespace {

constexpr Duration kMaxStep = 5s;         // a transit time that differs by more is another timeline
constexpr unsigned kBeyondToBelieve = 8;  // this many in a row: the path became longer
constexpr int64_t kFallDivisor = 20;      // the delay falls by at most 5 % of the time that passes

Duration transitOf(int64_t timestamp, Instant arrival) {
  return arrival.time_since_epoch() - samplesToTime(timestamp);
}

}  // namespace

void PlayoutDelay::reset(const Config& config) {
  lateness_.reset();
  configure(config);
}

void PlayoutDelay::configure(const Config& config) {
  config_ = config;
  if (lateness_.packets() == 0) target_ = std::clamp(config.start, config.floor, config.ceiling);
}

bool PlayoutDelay::jumps(int64_t timestamp, Instant arrival) const {
  if (lateness_.packets() == 0) return false;
  const Duration difference = transitOf(timestamp, arrival) - quickest_;
  return difference > kMaxStep || difference < -kMaxStep;
}

void PlayoutDelay::onArrival(int64_t timestamp, Instant arrival) {
  const Duration transit = transitOf(timestamp, arrival);
  if (lateness_.packets() == 0) {
    lateness_.add(config_.start - DelayHistogram::kBucket, config_.forget);  // one sample, soon outweighed
    newest_ = timestamp;
    rebase(transit);
    offset_ = quickest_ + target_;
  }
  beyond_ = transit - quickest_ > config_.ceiling ? beyond_ + 1 : 0;
  if (beyond_ == kBeyondToBelieve) rebase(transit);
  updateQuickest(transit);
  lateness_.add(transit - quickest_, config_.forget);
  target_ = std::clamp(lateness_.quantile(config_.quantile), config_.floor, config_.ceiling);
  moveOffset(timestamp);
}

void PlayoutDelay::rebase(Duration transit) {
  least_.fill(transit);
  quickest_ = transit;
  window_ = in_window_ = beyond_ = 0;
}

void PlayoutDelay::updateQuickest(Duration transit) {
  if (in_window_++ == kWindowPackets) {
    window_ = (window_ + 1) % kWindows;
    least_[window_] = transit;
    in_window_ = 1;
  }
  least_[window_] = std::min(least_[window_], transit);
  quickest_ = *std::min_element(least_.begin(), least_.end());
}

// Rises at once, since a late frame is lost; falls slowly, since that shortens the time between two frames.
void PlayoutDelay::moveOffset(int64_t timestamp) {
  const Duration wanted = quickest_ + target_;
  const int64_t passed = std::max<int64_t>(0, timestamp - newest_);
  newest_ = std::max(newest_, timestamp);
  offset_ = std::max(wanted, offset_ - samplesToTime(passed / kFallDivisor));
  offset_ = std::min(offset_, quickest_ + config_.ceiling);
}

}  // namespace sluice::media
