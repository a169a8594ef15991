// What repair may cost a line: a share of what its voice costs. Pure.
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
  // That were taken and not spent.
  void giveBack(size_t bytes) { tokens_ = std::min(kBurst, tokens_ + static_cast<double>(bytes)); }

 private:
  static constexpr double kBurst = 3'000;  // bytes: some twenty packets of voice at once

  double share_;
  double tokens_ = kBurst;
};

}  // namespace sluice::repair
