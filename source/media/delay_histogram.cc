#include "source/media/delay_histogram.h"

#include <algorithm>
#include <cstdint>

namespace sluice::media {
namespace {

constexpr float kMaxWeight = 1e6f;

}  // namespace

void DelayHistogram::add(Duration delay, double forget) {
  const auto bucket = std::clamp<int64_t>(delay / kBucket, 0, kBuckets - 1);
  weights_[static_cast<size_t>(bucket)] += weight_;
  total_ += weight_;
  // The first packets weigh the same, until there are as many as the histogram remembers.
  if (++packets_ * (1 - forget) < 1) return;
  weight_ /= static_cast<float>(forget);
  if (weight_ < kMaxWeight) return;
  for (float& bucket_weight : weights_) bucket_weight /= weight_;
  total_ /= weight_;
  weight_ = 1;
}

Duration DelayHistogram::quantile(double share) const {
  const float allowed = static_cast<float>(1 - share) * total_;
  float later = 0;
  size_t bucket = kBuckets;
  while (bucket > 1 && later + weights_[bucket - 1] <= allowed) later += weights_[--bucket];
  return static_cast<int64_t>(bucket) * kBucket;
}

}  // namespace sluice::media
