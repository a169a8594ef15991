// The playout delay that removes jitter: a high quantile of how much later packets arrive than the quickest
// ones, from a histogram in which older packets weigh less, as in NetEQ's delay manager. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "source/base/clock.h"
#include "source/media/delay_histogram.h"
#include "source/media/sample_time.h"

namespace sluice::media {

class PlayoutDelay {
 public:
  static constexpr Duration kMaxCeiling = DelayHistogram::kLongest;

  struct Config {
    Duration floor{};
    Duration ceiling{};   // at most kMaxCeiling
    double quantile = 0;  // share of packets that must be in time
    double forget = 0;    // as in DelayHistogram::add()
    Duration start{};     // before anything is known
  };

  explicit PlayoutDelay(const Config& config) { reset(config); }

  // Forgets everything.
  void reset(const Config& config);
  // Keeps what was measured.
  void configure(const Config& config);

  // `timestamp` is unrolled to 64 bits; its packet arrived at `arrival`.
  void onArrival(int64_t timestamp, Instant arrival);
  // The sender's clock jumped: this cannot be the same timeline.
  bool jumps(int64_t timestamp, Instant arrival) const;

  // The playout time. Rises with the timestamp. Valid only after the first arrival.
  Instant playout(int64_t timestamp) const { return Instant{offset_ + samplesToTime(timestamp)}; }

  Duration target() const { return target_; }
  // The current wait of a packet that is as quick as the quickest.
  Duration delay() const { return offset_ - quickest_; }

 private:
  static constexpr size_t kWindows = 8;
  static constexpr unsigned kWindowPackets = 32;

  void rebase(Duration transit);
  void updateQuickest(Duration transit);
  void moveOffset(int64_t timestamp);

  Config config_;
  DelayHistogram lateness_;  // relative to the quickest

  // The least transit time in each of the last windows of kWindowPackets; a transit time is arrival minus
  // timestamp and has an arbitrary zero.
  std::array<Duration, kWindows> least_{};
  size_t window_ = 0;
  unsigned in_window_ = 0;
  Duration quickest_{};  // the least of them

  unsigned beyond_ = 0;  // consecutive packets that were later than any allowed delay
  Duration offset_{};    // playout time minus timestamp
  int64_t newest_ = 0;
  Duration target_{};
};

}  // namespace sluice::media
