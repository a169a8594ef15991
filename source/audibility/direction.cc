#include "source/audibility/direction.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::audibility {
namespace {

constexpr float kDegrees = 180 / std::numbers::pi_v<float>;
constexpr float kParallel = 1e-6F;  // the squared sine of the angle between `forward` and `up`

// A vector that is perpendicular to `unit`.
Vector3 perpendicular(const Vector3& unit) {
  const Vector3 axis = std::abs(unit.y) < 0.9F ? Vector3{0, 1, 0} : Vector3{0, 0, 1};
  return cross(unit, axis);
}

}  // namespace

Direction directionTo(const Vector3& source, const Vector3& position, const Vector3& forward,
                      const Vector3& up, Handedness handedness) {
  const Vector3 to = source - position;
  const float length = std::sqrt(dot(to, to));
  if (!(length > 0)) return {};
  Vector3 right = cross(forward, up);
  if (dot(right, right) < kParallel) right = perpendicular(forward);
  right = right * (1 / std::sqrt(dot(right, right)));
  const float ahead = dot(to, forward);
  const float above = dot(to, cross(right, forward));
  const float beside = handedness == Handedness::kRight ? dot(to, right) : -dot(to, right);
  const float sine = std::clamp(above / length, -1.0F, 1.0F);
  return {.azimuth = std::atan2(beside, ahead) * kDegrees, .elevation = std::asin(sine) * kDegrees};
}

}  // namespace sluice::audibility
