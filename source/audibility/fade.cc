#include "source/audibility/fade.h"

#include <algorithm>
#include <cmath>

namespace sluice::audibility {

float fade(const Proximity& range, float conversational, float audible, float distance) {
  const float intensity = range.fade_intensity;
  if (distance <= conversational || intensity == 0) return 1;
  switch (range.fade_model) {
    case FadeModel::kInverse:
      return conversational / (conversational + intensity * (distance - conversational));
    case FadeModel::kLinear:
      return std::max(0.0F, 1 - intensity * (distance - conversational) / (audible - conversational));
    case FadeModel::kExponential:
      return std::pow(distance / conversational, -intensity);
    case FadeModel::kNone:
      break;
  }
  return 1;
}

}  // namespace sluice::audibility
