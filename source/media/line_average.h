// A line's recent average, so that one bad sample changes no profile: new = old × 7/8 + sample × 1/8. Pure.
#pragma once

#include <cmath>
#include <cstdint>

#include "source/media/adaptation.h"

namespace sluice::media {

class LineAverage {
 public:
  // `rtt_samples`: round trips measured so far; the first counts in full. Loss counts as one sample a second,
  // since its sources report at different intervals, and begins at 0. Load is an average already.
  Adaptation::Line update(const Adaptation::Line& line, uint32_t rtt_samples, Instant now) {
    if (average_.rtt_ms == 0) {
      average_.rtt_ms = line.rtt_ms;
    } else if (rtt_samples != rtt_samples_) {
      average_.rtt_ms += kWeight * (line.rtt_ms - average_.rtt_ms);
    }
    rtt_samples_ = rtt_samples;
    const double seconds = updated_ == Instant{} ? 0 : std::chrono::duration<double>(now - updated_).count();
    average_.loss += (1 - std::pow(1 - kWeight, seconds)) * (line.loss - average_.loss);
    updated_ = now;
    average_.busy = line.busy;
    return average_;
  }

  void archive(Archive& a) { a(average_.rtt_ms, average_.loss, average_.busy, rtt_samples_, updated_); }

 private:
  static constexpr double kWeight = 0.125;

  Adaptation::Line average_{};
  uint32_t rtt_samples_ = 0;
  Instant updated_{};
};

}  // namespace sluice::media
