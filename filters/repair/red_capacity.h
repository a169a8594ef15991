// Decides whether a line has spare capacity for RED: a line that loses much more with RED than without has
// none. Pure.
#pragma once

#include "source/base/clock.h"

namespace sluice::repair {

class RedCapacity {
 public:
  // `sent`: RED is being sent. Returns false if RED must not be sent.
  bool update(bool sent, double loss, Instant now);

 private:
  static constexpr Duration kTrial = 6s;        // until a report shows the effect of RED
  static constexpr Duration kSuspension = 16s;  // until no report covers RED: browsers send one every 5 s
  static constexpr Duration kNoCapacity = 30s;  // until RED is tried again

  enum class State {
    kIdle,       // no RED yet; the line loses `loss_`
    kTrial,      // RED since `since_`; the line lost `loss_` before
    kAccepted,   // RED, which did no harm while the line lost `loss_`
    kSuspended,  // no RED since `since_`; the line lost `loss_` with it
    kNone,       // no RED since `since_`; the line lost much less without it
  };
  bool enter(State state, double loss, Instant now);

  State state_ = State::kIdle;
  Instant since_{};
  double loss_ = 0;
};

}  // namespace sluice::repair
