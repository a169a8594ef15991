#include "filters/impair/impairment.h"

#include <algorithm>
#include <cmath>

#include "source/base/hash.h"

namespace sluice::impair {
namespace {

// The use of each random number that a packet draws. Each use has its own stream of numbers: the same packets
// are lost when, for example, the jitter changes.
enum Purpose : uint64_t { kState, kLoss, kDuplicate, kCorrupt, kBit, kReorder, kJitter, kPurposes = 16 };
constexpr uint64_t kCopy = kPurposes / 2;  // added for the copy's numbers

// Uniform in [0, 1). Here and below, only arithmetic that IEEE 754 defines to the bit.
double unit(uint64_t number) {
  return static_cast<double>(number >> 11) * 0x1p-53;
}

}  // namespace

GilbertElliott GilbertElliott::uniform(double loss) {
  return {.to_bad = 0, .to_good = 1, .good_loss = loss, .bad_loss = 1};
}

GilbertElliott GilbertElliott::bursts(double loss, double mean) {
  if (loss <= 0) return {};
  return {.to_bad = loss / (1 - loss) / mean, .to_good = 1 / mean, .good_loss = 0, .bad_loss = 1};
}

// The numbers of SplitMix64 can be computed in any order.
uint64_t Impairment::draw(uint64_t purpose) const {
  return splitMix64(seed_ + (index_ * kPurposes + purpose + 1) * kGoldenRatio64);
}

bool Impairment::chance(uint64_t purpose, double p) const {
  return p > 0 && unit(draw(purpose)) < p;
}

bool Impairment::lost() {
  if (bad_ ? chance(kState, config_.loss.to_good) : chance(kState, config_.loss.to_bad)) bad_ = !bad_;
  return chance(kLoss, bad_ ? config_.loss.bad_loss : config_.loss.good_loss);
}

Duration Impairment::jitter(uint64_t purpose) const {
  const uint64_t number = draw(purpose);
  double share = 0;
  switch (config_.distribution) {
    case Distribution::kUniform:
      share = unit(number);
      break;
    case Distribution::kNormal:  // the mean of four uniform numbers (Irwin-Hall)
      for (int shift = 0; shift < 64; shift += 16) {
        share += static_cast<double>(number >> shift & 0xFFFF) / 0xFFFF / 4;
      }
      break;
    case Distribution::kHeavyTail:  // Pareto with shape 2: one in 121 would exceed the maximum
      share = std::min(1.0, (1 / std::sqrt(1 - unit(number)) - 1) / 10);
      break;
  }
  return Duration{static_cast<int64_t>(share * static_cast<double>(config_.max_jitter.count()))};
}

Outcome Impairment::passOn(uint64_t copy, Instant from) {
  Outcome outcome{.kind = Outcome::kPassed, .release = from + config_.delay + jitter(kJitter + copy)};
  if (config_.keep_order) outcome.release = std::max(outcome.release, last_release_);
  last_release_ = std::max(outcome.release, last_release_);
  if (chance(kCorrupt + copy, config_.corrupt)) outcome.flip = draw(kBit + copy);
  if (chance(kReorder + copy, config_.reorder)) {
    outcome.release += config_.reorder_by;
    outcome.reordered = true;
  }
  return outcome;
}

Outcomes Impairment::decide(size_t size, Instant now) {
  Instant sent = now;
  // Every packet advances the state and uses its numbers, even one that the link refuses.
  const bool is_lost = lost();
  if (config_.rate_bps > 0) {
    const Instant start = std::max(now, link_free_);
    if (start - now > config_.max_queue) {
      ++index_;
      return Outcome{.kind = Outcome::kRateLimited};
    }
    const double seconds = static_cast<double>(size) * 8 / static_cast<double>(config_.rate_bps);
    link_free_ = sent = start + Duration{static_cast<int64_t>(seconds * 1e9)};
  }
  Outcomes outcomes = is_lost ? Outcome{.kind = Outcome::kLost} : passOn(0, sent);
  if (!is_lost && chance(kDuplicate, config_.duplicate)) outcomes.addCopy(passOn(kCopy, sent));
  ++index_;
  return outcomes;
}

void Impairment::reseed(uint64_t seed) {
  *this = Impairment(config_, seed);
}

}  // namespace sluice::impair
