// Models a bad line: maps a packet's size and time to its outcome. The same seed and the same packets have
// the same outcome on every machine. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "source/base/clock.h"

namespace sluice::impair {

// Two states with a chance of loss in each. Uniform loss is a good state that is never left. Chances are 0
// to 1.
struct GilbertElliott {
  double to_bad = 0;
  double to_good = 1;
  double good_loss = 0;
  double bad_loss = 1;

  static GilbertElliott uniform(double loss);
  // `mean` losses in a row; needs loss <= mean / (mean + 1).
  static GilbertElliott bursts(double loss, double mean);
};

enum class Distribution { kUniform, kNormal, kHeavyTail };

struct Outcome {
  enum Kind { kPassed, kLost, kRateLimited } kind = kPassed;
  Instant release{};                  // when it is passed on; not before it arrived
  std::optional<uint64_t> flip = {};  // the bit to flip, modulo the packet's bits
  bool reordered = false;
};

class Outcomes {
 public:
  Outcomes(Outcome original) : outcomes_{original, {}} {}
  void addCopy(Outcome copy) { outcomes_[count_++] = copy; }
  const Outcome* begin() const { return outcomes_; }
  const Outcome* end() const { return outcomes_ + count_; }
  size_t size() const { return count_; }
  const Outcome& original() const { return outcomes_[0]; }

 private:
  Outcome outcomes_[2];
  size_t count_ = 1;
};

class Impairment {
 public:
  struct Config {
    GilbertElliott loss{};
    Duration delay{};
    Duration max_jitter{};
    Distribution distribution = Distribution::kUniform;
    bool keep_order = false;
    double reorder = 0;  // chances, 0 to 1
    Duration reorder_by{};
    double duplicate = 0;
    double corrupt = 0;
    uint64_t rate_bps = 0;  // 0: no limit
    Duration max_queue{};
  };

  Impairment(const Config& config, uint64_t seed) : config_(config), seed_(seed) {}

  // Call it for packets in the order in which they arrive.
  Outcomes decide(size_t size, Instant now);

  // Applies to the next packets; the state of the line stays.
  void configure(const Config& config) { config_ = config; }
  // Starts again at the first packet.
  void reseed(uint64_t seed);

 private:
  uint64_t draw(uint64_t purpose) const;
  bool chance(uint64_t purpose, double p) const;
  bool lost();
  Duration jitter(uint64_t purpose) const;
  Outcome passOn(uint64_t copy, Instant from);

  Config config_;
  uint64_t seed_;
  uint64_t index_ = 0;  // of the packet
  bool bad_ = false;
  Instant link_free_{};     // when the rate-limited link has sent all that it accepted
  Instant last_release_{};  // of those that keep their order
};

}  // namespace sluice::impair
