// Limits the bytes that repair adds to a line to a share of the bytes of its voice. Pure.
#pragma once

#include <algorithm>
#include <cstddef>

namespace sluice::repair {

class RepairBudget {
 public:
  // `share`: bytes of repair per byte of voice.
  explicit RepairBudget(double share) : share_(share) {}

  void setShare(double share) { share_ = share; }
  void onVoice(size_t bytes) { tokens_ = std::min(kBurst, tokens_ + share_ * static_cast<double>(bytes)); }
  bool take(size_t bytes) {
    if (tokens_ < static_cast<double>(bytes)) return false;
    tokens_ -= static_cast<double>(bytes);
    return true;
  }
  // Returns bytes that were taken and not used.
  void giveBack(size_t bytes) { tokens_ = std::min(kBurst, tokens_ + static_cast<double>(bytes)); }

 private:
  static constexpr double kBurst = 3'000;  // bytes: about twenty voice packets at once

  double share_;
  double tokens_ = kBurst;
};

}  // namespace sluice::repair
