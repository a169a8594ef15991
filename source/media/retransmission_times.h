// The time within which nearly all recent retransmissions arrived. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "source/base/clock.h"

namespace sluice::media {

class RetransmissionTimes {
 public:
  void add(Duration took, Instant now) {
    if (now - newest_ >= kRecent) added_ = 0;
    newest_ = now;
    took_[added_++ % kRemembered] = took;
    const size_t count = std::min(added_, kRemembered);
    auto sorted = took_;
    std::sort(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(count));
    nearly_all_ = sorted[(count * 7 + 7) / 8 - 1];
  }
  // Seven of eight retransmissions took at most this; 0: there was none for 5 s.
  Duration nearlyAll(Instant now) const { return now - newest_ < kRecent ? nearly_all_ : Duration{}; }

 private:
  static constexpr size_t kRemembered = 16;
  static constexpr Duration kRecent = 5s;

  std::array<Duration, kRemembered> took_{};
  size_t added_ = 0;
  Instant newest_{};
  Duration nearly_all_{};
};

}  // namespace sluice::media
