// Decides how many speakers the receivers of rooms hear at the same time while workers are saturated: fewer
// and fewer, one room after another, so that background speakers are left out before packets are lost at
// random. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "source/base/clock.h"

namespace sluice::control {

class SpeakerLimits {
 public:
  static constexpr Duration kInterval = 1s;        // of check()
  static constexpr double kSaturated = 0.9;        // of a worker's time
  static constexpr double kRelieved = 0.7;         // of the time of every worker
  static constexpr unsigned kSaturatedChecks = 2;  // in a row, before the first step
  static constexpr unsigned kRelievedChecks = 5;   // in a row, before each step back
  static constexpr uint16_t kNone = UINT16_MAX;

  // The part of a room that is on one worker.
  struct Load {
    uint32_t room = 0;  // a number
    unsigned worker = 0;
    unsigned receivers = 0;
    double packets_per_second = 0;  // of RTP to these receivers together
  };
  struct Change {
    uint32_t room;
    uint16_t limit;  // kNone: no limit any more
    bool operator==(const Change&) const = default;
  };

  // `busy` is the share of its time that each worker was busy in the last interval. Rooms without a load have
  // ended. In a step, the room with the most packets of each saturated worker gets a lower limit; when all
  // workers are relieved, the room that was limited last gets a higher one.
  std::vector<Change> check(std::span<const double> busy, const std::vector<Load>& loads);

  // False: check() needs no loads, because it would change nothing.
  bool needsLoads(std::span<const double> busy) const;
  size_t limited() const { return limits_.size(); }

 private:
  struct Limit {
    uint16_t speakers;
    uint16_t before;  // the speakers that receivers heard before the first step
    uint64_t order;   // of the first step
  };

  void forgetEnded(const std::vector<Load>& loads);
  void lower(unsigned worker, const std::vector<Load>& loads, std::vector<Change>& changes);
  void raiseLast(std::vector<Change>& changes);

  std::map<uint32_t, Limit> limits_;  // by room
  std::vector<unsigned> saturated_;   // checks in a row, by worker
  unsigned relieved_ = 0;             // checks in a row
  uint64_t order_ = 0;
};

}  // namespace sluice::control
