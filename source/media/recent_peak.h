// The greatest value of the last 5 to 10 seconds. Pure.
#pragma once

#include <algorithm>

#include "source/base/clock.h"

namespace sluice::media {

class RecentPeak {
 public:
  void add(Duration value, Instant now) {
    if (now - began_ >= kSpan) {
      before_ = now - began_ < 2 * kSpan ? peak_ : Duration{};
      peak_ = {};
      began_ = now;
    }
    peak_ = std::max(peak_, value);
  }
  // 0: there was none.
  Duration value(Instant now) const {
    if (now - began_ >= 2 * kSpan) return {};
    return now - began_ >= kSpan ? peak_ : std::max(peak_, before_);
  }

 private:
  static constexpr Duration kSpan = 5s;

  Instant began_{};
  Duration peak_{};
  Duration before_{};  // of the span before
};

}  // namespace sluice::media
