// Detects that the newest version of a chain performs worse than the others. RolloutWatch is pure: the caller
// passes totals about once a second.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "source/chain/filter_spec.h"
#include "source/config/rollout.h"

namespace sluice::reload {

// Totals since the start.
struct ChainHealth {
  uint64_t packets = 0;  // through its outermost filter, in both directions
  uint64_t drops = 0;    // by its filters
  uint64_t successes = 0;
  uint64_t failures = 0;  // of handshakes

  ChainHealth& operator+=(const ChainHealth& other);
  ChainHealth operator-(const ChainHealth& before) const;
};
ChainHealth healthOf(const chain::ChainSpec& chain);
// Mixes the identity of the counters that healthOf() reads into a fingerprint.
size_t mixCounters(size_t fingerprint, const chain::ChainSpec& chain);

class RolloutWatch {
 public:
  explicit RolloutWatch(config::StepBackRule rule) : rule_(std::move(rule)) {}

  const config::StepBackRule& rule() const { return rule_; }
  void configure(config::StepBackRule rule) { rule_ = std::move(rule); }

  // Describes what is worse; empty: nothing, or there is too little data. `fingerprint` identifies the
  // counters behind the totals: when it changes, the comparison starts over.
  std::string compare(const ChainHealth& newest, const ChainHealth& others, size_t fingerprint, Instant now);

 private:
  struct Sample {
    Instant at;
    ChainHealth newest;
    ChainHealth others;
  };
  config::StepBackRule rule_;
  size_t fingerprint_ = 0;
  std::deque<Sample> samples_;  // of the window, and one before it
};

}  // namespace sluice::reload
