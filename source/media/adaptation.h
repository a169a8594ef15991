// Chooses the Opus profile that fits the line and the machine, from round trip, loss and load, with
// hysteresis. Pure.
#pragma once

#include <cstdint>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/media/profile.h"

namespace sluice::media {

// Turns on at once above `high`; turns off after the value has stayed below `low` for `hold`.
class Trigger {
 public:
  bool update(double value, double high, double low, Duration hold, Instant now) {
    if (value > high) on_ = true;
    if (!on_ || value >= low) below_since_ = now;
    if (now - below_since_ >= hold) on_ = false;
    return on_;
  }
  void archive(Archive& a) { a(on_, below_since_); }

 private:
  bool on_ = false;
  Instant below_since_{};
};

class Adaptation {
 public:
  struct Threshold {
    double high;
    double low;
  };
  struct Config {
    Threshold rtt_ms{};  // above: narrowband and 10 ms frames
    Threshold loss{};    // above: SILK with FEC
    Threshold busy{};    // above: complexity 2, or 0 when all three are bad
    Duration hold{};
    uint32_t bitrate_bps = 0;             // of a good line
    uint32_t narrowband_bitrate_bps = 0;  // of a far one
    uint32_t fec_bitrate_bps = 0;         // of a lossy one; with much less the encoder omits LBRR
  };
  // Current values; 0 when unknown.
  struct Line {
    double rtt_ms = 0;
    double loss = 0;  // share of the packets, 0 to 1
    double busy = 0;  // share of the time, 0 to 1
  };

  explicit Adaptation(const Config& config) { configure(config); }

  // Takes effect with the next update.
  void configure(const Config& config) { config_ = config; }
  // True when the profile changed.
  bool update(const Line& line, Instant now);
  const Profile& profile() const { return profile_; }

  void archive(Archive& a) { a(far_, lossy_, busy_, expected_loss_, expected_since_, profile_); }

 private:
  Profile choose(bool far, bool lossy, bool busy) const;
  void expectLoss(double loss, Instant now);

  Config config_;
  Trigger far_;
  Trigger lossy_;
  Trigger busy_;
  unsigned expected_loss_ = 0;  // percent
  Instant expected_since_{};    // when it last was right or too low
  Profile profile_{};
};

}  // namespace sluice::media
