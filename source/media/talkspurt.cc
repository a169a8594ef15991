#include "source/media/talkspurt.h"

namespace sluice::media {

void Talkspurt::advance(int64_t steps, Duration elapsed, const Frame& frame) {
  if (frame.dtx) {
    marks_pauses_ = true;
  } else if (steps == 1 && !newest_.dtx && pauses(steps, elapsed)) {
    marks_pauses_ = false;
  }
  newest_ = frame;
}

Duration Talkspurt::age(int64_t back, int64_t steps, Duration elapsed) const {
  // The packet that should have begun the pause is missing.
  const bool first = back == steps - 1;
  if (first && continues() && pauses(steps, elapsed)) return elapsed - newest_.duration;
  const Duration step = elapsed / steps;
  const bool shorter = step > Duration::zero() && step < newest_.duration;
  return back * (shorter ? step : newest_.duration);
}

}  // namespace sluice::media
