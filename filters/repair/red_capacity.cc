#include "filters/repair/red_capacity.h"

namespace sluice::repair {
namespace {

bool isMuchMore(double loss, double than) {
  constexpr double kChance = 0.03;
  return loss > 1.5 * than + kChance;
}

}  // namespace

bool RedCapacity::enter(State state, double loss, Instant now) {
  state_ = state;
  since_ = now;
  loss_ = loss;
  return state_ != State::kSuspended && state_ != State::kNone;
}

bool RedCapacity::update(bool sent, double loss, Instant now) {
  const Duration passed = now - since_;
  switch (state_) {
    case State::kIdle:
      return enter(sent ? State::kTrial : State::kIdle, sent ? loss_ : loss, now);
    case State::kTrial:
      if (!sent) return enter(State::kIdle, loss, now);
      if (passed < kTrial) return true;
      return enter(isMuchMore(loss, loss_) ? State::kSuspended : State::kAccepted, loss, now);
    case State::kAccepted:
      if (!sent) return enter(State::kIdle, loss, now);
      return !isMuchMore(loss, loss_) || enter(State::kSuspended, loss, now);
    case State::kSuspended:
      if (passed < kSuspension) return false;
      // The line may have become worse for another reason.
      return enter(isMuchMore(loss_, loss) ? State::kNone : State::kAccepted, loss, now);
    case State::kNone:
      return passed >= kNoCapacity && enter(State::kIdle, loss, now);
  }
  return true;
}

}  // namespace sluice::repair
