#include "source/media/playout_delay.h"

#include <algorithm>

namespace sluice::media {
namespace {

constexpr Duration kMaxStep = 5s;         // a transit time that differs by more is another timeline
constexpr unsigned kBeyondToBelieve = 8;  // so many in a row: the path became longer
constexpr float kMaxWeight = 1e6f;
constexpr int64_t kFallDivisor = 20;  // the delay falls by at most 5 % of the time that passes

Duration transitOf(int64_t timestamp, Instant arrival) {
  return arrival.time_since_epoch() - samplesToTime(timestamp);
}

}  // namespace

void PlayoutDelay::reset(const Config& config) {
  histogram_.fill(0);
  weight_ = total_ = 0;
  packets_ = 0;
  configure(config);
}

void PlayoutDelay::configure(const Config& config) {
  config_ = config;
  if (packets_ == 0) target_ = std::clamp(config.start, config.floor, config.ceiling);
}

bool PlayoutDelay::jumps(int64_t timestamp, Instant arrival) const {
  if (packets_ == 0) return false;
  const Duration difference = transitOf(timestamp, arrival) - quickest_;
  return difference > kMaxStep || difference < -kMaxStep;
}

void PlayoutDelay::onArrival(int64_t timestamp, Instant arrival) {
  const Duration transit = transitOf(timestamp, arrival);
  if (packets_ == 0) {
    weight_ = 1;
    remember(config_.start - kBucket);  // one vote, to be outvoted
    newest_ = timestamp;
    rebase(transit);
    offset_ = quickest_ + target_;
  }
  beyond_ = transit - quickest_ > config_.ceiling ? beyond_ + 1 : 0;
  if (beyond_ == kBeyondToBelieve) rebase(transit);
  updateQuickest(transit);
  remember(transit - quickest_);
  target_ = std::clamp(quantile(), config_.floor, config_.ceiling);
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

void PlayoutDelay::remember(Duration lateness) {
  const auto bucket = std::clamp<int64_t>(lateness / kBucket, 0, kBuckets - 1);
  histogram_[static_cast<size_t>(bucket)] += weight_;
  total_ += weight_;
  // The first ones weigh the same, until there are as many as are remembered later.
  if (++packets_ * (1 - config_.forget) < 1) return;
  weight_ /= static_cast<float>(config_.forget);
  if (weight_ < kMaxWeight) return;
  for (float& bucket_weight : histogram_) bucket_weight /= weight_;
  total_ /= weight_;
  weight_ = 1;
}

Duration PlayoutDelay::quantile() const {
  const float allowed = static_cast<float>(1 - config_.quantile) * total_;
  float later = 0;
  size_t bucket = kBuckets;
  while (bucket > 1 && later + histogram_[bucket - 1] <= allowed) later += histogram_[--bucket];
  return static_cast<int64_t>(bucket) * kBucket;  // the upper end of the bucket
}

// Up at once, since whoever is late is lost; down slowly, since it shortens the time between two frames.
void PlayoutDelay::moveOffset(int64_t timestamp) {
  const Duration wanted = quickest_ + target_;
  const int64_t passed = std::max<int64_t>(0, timestamp - newest_);
  newest_ = std::max(newest_, timestamp);
  offset_ = std::max(wanted, offset_ - samplesToTime(passed / kFallDivisor));
  offset_ = std::min(offset_, quickest_ + config_.ceiling);
}

}  // namespace sluice::media
