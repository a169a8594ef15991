// The gain of a voice as a function of the distance.
#pragma once

#include "source/audibility/rule.h"

namespace sluice::audibility {

// The gain, 0 to 1, at `distance`. `conversational` and `audible` are the rule's distances for this speaker's
// voice, which replace those in `range`. docs/audibility.md has the formulas. Beyond `audible` the result
// continues the formula.
float fade(const Proximity& range, float conversational, float audible, float distance);

}  // namespace sluice::audibility
