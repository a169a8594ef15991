// A histogram of packet delays in which the weight of older packets decays exponentially, as in NetEQ's delay
// manager. Pure.
#pragma once

#include <array>
#include <cstddef>

#include "source/base/clock.h"

namespace sluice::media {

class DelayHistogram {
 public:
  static constexpr Duration kBucket = 5ms;
  static constexpr Duration kLongest = 1s;  // longer delays count as this

  void reset() { *this = {}; }
  // `forget`: the factor by which each later packet reduces a packet's weight.
  void add(Duration delay, double forget);
  // The delay that this share of the packets does not exceed, rounded up to the end of a bucket.
  Duration quantile(double share) const;
  // The number of packets added since the reset.
  unsigned packets() const { return packets_; }

 private:
  static constexpr size_t kBuckets = kLongest / kBucket;

  std::array<float, kBuckets> weights_{};
  float weight_ = 1;  // of the next packet; it grows, so that the weights of earlier packets need not shrink
  float total_ = 0;
  unsigned packets_ = 0;
};

}  // namespace sluice::media
