// How late packets arrive: a histogram with exponential forgetting, as in NetEQ's delay manager. Pure.
#pragma once

#include <array>
#include <cstddef>

#include "source/base/clock.h"

namespace sluice::media {

class DelayHistogram {
 public:
  static constexpr Duration kBucket = 5ms;
  static constexpr Duration kLongest = 1s;  // more counts as this

  void reset() { *this = {}; }
  // `forget`: the factor by which each later packet reduces a packet's weight.
  void add(Duration delay, double forget);
  // The upper end of the bucket in or below which this share of the packets lies.
  Duration quantile(double share) const;
  // How many packets were added since the reset.
  unsigned packets() const { return packets_; }

 private:
  static constexpr size_t kBuckets = kLongest / kBucket;

  std::array<float, kBuckets> weights_{};
  float weight_ = 1;  // of the next packet; it grows instead of all others shrinking
  float total_ = 0;
  unsigned packets_ = 0;
};

}  // namespace sluice::media
