#include "filters/repair/repair_policy.h"

#include <algorithm>
#include <cmath>

namespace sluice::repair {
namespace {

constexpr double kClean = 0.01;       // less loss needs no repair
constexpr double kWorthRed = 0.03;    // below this, FEC is cheaper
constexpr double kWorthDelay = 0.02;  // below this, retransmissions do not make jitter buffers grow
constexpr double kHeavy = 0.15;
constexpr double kSingles = 1.5;   // mean bursts up to this are single losses
constexpr Duration kFrame = 20ms;  // the usual Opus frame; the next packet reveals that one is missing
constexpr double kHalfLife = 2;    // seconds
constexpr double kEnough = 10;     // packets, the least for a meaningful share

}  // namespace

std::string_view name(RecoveryMode mode) {
  constexpr std::string_view kNames[] = {"nothing", "nack", "red1", "red2", "nack+red1", "fec"};
  return kNames[static_cast<size_t>(mode)];
}

size_t frames(RecoveryMode mode) {
  if (mode == RecoveryMode::kRed2) return 2;
  return mode == RecoveryMode::kRed1 || mode == RecoveryMode::kNackRed1 ? 1 : 0;
}

RecoveryMode chooseMode(const Line& line) {
  if (line.loss < kClean) return RecoveryMode::kNothing;
  const bool bursts = line.mean_burst > kSingles && 2 * kFrame <= line.budget;
  if (line.prefer_delay && line.red && line.loss >= kWorthDelay) {
    return bursts || line.loss > kHeavy ? RecoveryMode::kRed2 : RecoveryMode::kRed1;
  }
  if (line.nack && line.round_trip + kFrame <= line.budget) {
    return line.red && line.loss > kHeavy ? RecoveryMode::kNackRed1 : RecoveryMode::kNack;
  }
  if (!line.red || line.loss < kWorthRed) return RecoveryMode::kFec;
  return bursts ? RecoveryMode::kRed2 : RecoveryMode::kRed1;
}

unsigned pauseRepeats(const Line& line) {
  if (line.loss < kClean) return 0;
  return line.loss > kHeavy || line.mean_burst > kSingles ? 2 : 1;
}

RecoveryMode RepairPolicy::update(const Line& line, Instant now) {
  line_ = line;
  const bool redundant = frames(current_) > 0;
  line_.red = capacity_.update(redundant, line.loss, now) && line.red;
  // A receiver with NACK gets RED once the line's loss without RED is known.
  if (current_ == RecoveryMode::kNothing && line.nack) line_.red = false;
  const RecoveryMode better = chooseMode(line_);
  const bool red_ends = redundant && !line_.red;
  if (better == current_) {
    since_ = now;
  } else if (current_ == RecoveryMode::kNothing || red_ends || now - since_ >= kHold) {
    current_ = better;
    since_ = now;
  }
  return current_;
}

void LossEstimate::forget(Instant now) {
  const double seconds = std::chrono::duration<double>(now - at_).count();
  if (seconds < 0.02) return;
  const double keep = at_ == Instant{} ? 0 : std::exp2(-seconds / kHalfLife);
  sent_ *= keep;
  skipped_ *= keep;
  lost_ *= keep;
  runs_ *= keep;
  reported_ *= std::sqrt(std::sqrt(keep));  // reports arrive every few seconds
  at_ = now;
}

void LossEstimate::onSent(int before, Instant now) {
  forget(now);
  ++sent_;
  skipped_ = std::max(0.0, skipped_ + before);
}

void LossEstimate::onLost(unsigned run, Instant now) {
  forget(now);
  lost_ += run;
  ++runs_;
}

void LossEstimate::onReport(double fraction, Instant now) {
  forget(now);
  const double skipped = sent_ < kEnough ? 0 : skipped_ / (sent_ + skipped_);
  reported_ = std::max(0.0, (fraction - skipped) / (1 - skipped));
}

double LossEstimate::loss() const {
  const double requested = sent_ < kEnough ? 0 : std::min(1.0, lost_ / sent_);
  return std::max(requested, reported_);
}

double LossEstimate::meanBurst() const {
  return runs_ < 0.5 ? 1 : std::max(1.0, lost_ / runs_);
}

}  // namespace sluice::repair
