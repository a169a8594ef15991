// Decides how many speakers the receivers of rooms hear at the same time while workers are saturated: fewer
// and fewer, in the rooms with the most packets first, so that background speakers are left out before
// packets are lost at random. Pure.
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
  static constexpr double kTarget = 0.85;          // of its time, after a step
  static constexpr double kRelieved = 0.7;         // of its time
  static constexpr unsigned kSaturatedChecks = 2;  // in a row, before the first step
  static constexpr unsigned kRelievedChecks = 5;   // in a row, before each step back
  static constexpr uint16_t kNone = UINT16_MAX;

  // The part of a room that is on one worker.
  struct Load {
    uint32_t room = 0;  // a number
    unsigned worker = 0;
    double packets_per_second = 0;  // of RTP to the receivers together
    uint16_t speakers = 0;          // the most that one of them hears
  };
  struct Change {
    uint32_t room;
    uint16_t limit;  // kNone: no limit any more
    bool operator==(const Change&) const = default;
  };

  // `busy` is the share of its time that each worker was busy in the last interval. Rooms without a load have
  // ended. In a step of a saturated worker, a room loses a quarter of its speakers, at least one; as many
  // rooms do as are needed to reach kTarget. A room whose workers are all relieved gets one speaker back.
  std::vector<Change> check(std::span<const double> busy, const std::vector<Load>& loads);

  // False: check() needs no loads, because it would change nothing.
  bool needsLoads(std::span<const double> busy) const;
  size_t limited() const { return limits_.size(); }

 private:
  struct Limit {
    uint16_t speakers;
    uint16_t before;  // the speakers that receivers heard before the first step
  };

  void forgetEnded(const std::vector<Load>& loads);
  void lower(double busy, std::vector<Load> loads, std::vector<Change>& changes);
  void raise(const std::vector<Load>& loads, std::vector<Change>& changes);
  bool isRelieved(uint32_t room, const std::vector<Load>& loads) const;

  std::map<uint32_t, Limit> limits_;            // by room
  std::vector<unsigned> saturated_, relieved_;  // checks in a row, by worker
};

}  // namespace sluice::control
