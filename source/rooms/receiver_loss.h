// One receiver's part of its room's loss histogram. Written by the repair filter; used on the player's worker
// only.
#pragma once

#include <utility>

#include "source/rooms/loss_histogram.h"

namespace sluice::rooms {

class ReceiverLoss {
 public:
  explicit ReceiverLoss(LossHistogram& room) : room_(room) {}
  ~ReceiverLoss() { clear(); }
  ReceiverLoss(const ReceiverLoss&) = delete;
  ReceiverLoss& operator=(const ReceiverLoss&) = delete;

  // The receiver loses this share of its packets, 0 to 1.
  void set(double loss) { class_ = room_.enter(loss, class_); }
  // The receiver's loss is unknown from now on.
  void clear() { room_.leave(std::exchange(class_, LossHistogram::kNone)); }
  // The loss that `percent` of the room's other receivers do not exceed; 0 if there are none.
  double ofOthers(unsigned percent) const { return room_.percentile(percent, class_); }

 private:
  LossHistogram& room_;
  int class_ = LossHistogram::kNone;
};

}  // namespace sluice::rooms
