// Takes the positions of players from filters that receive them.
#pragma once

#include "source/audibility/position_update.h"

namespace sluice::chain {

class PositionSink {
 public:
  virtual ~PositionSink() = default;
  // Main thread: filters call it in a task of Worker::postToMain(). The workers get the new positions a few
  // milliseconds later, together with those of other calls.
  virtual audibility::PositionOutcome move(const audibility::PositionUpdate& update) = 0;
};

}  // namespace sluice::chain
