// Limits the speakers of rooms while workers are saturated, and reports it. Main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "source/base/clock.h"
#include "source/control/event_log.h"
#include "source/control/speaker_limits.h"
#include "source/rooms/directory.h"
#include "source/stats/samples.h"

namespace sluice::control {

class OverloadWatch {
 public:
  // `busy` returns the share of its time that each worker was busy. The references outlive the object.
  OverloadWatch(const rooms::Directory& directory, const Clock& clock, EventLog& events,
                std::function<std::vector<double>()> busy)
      : directory_(directory), clock_(clock), events_(events), busy_(std::move(busy)) {}

  // Call it every SpeakerLimits::kInterval.
  void check();
  void collect(stats::Samples& out) const;

 private:
  std::vector<SpeakerLimits::Load> loads();
  void apply(const SpeakerLimits::Change& change);

  const rooms::Directory& directory_;
  const Clock& clock_;
  EventLog& events_;
  const std::function<std::vector<double>()> busy_;
  SpeakerLimits limits_;
  std::unordered_map<uint32_t, uint64_t> sent_;  // packets to each player, at the last call of loads()
  Instant counted_{};                            // when; not set: never
  uint64_t lowered_ = 0, raised_ = 0;            // steps
};

}  // namespace sluice::control
