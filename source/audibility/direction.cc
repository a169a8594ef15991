#include "source/audibility/direction.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::audibility {
namespace {

constexpr float kDegrees = 180 / std::numbers::pi_v<float>;
constexpr float kParallel = 1e-6F;  // the squared sine of the angle between `forward` and `up`

// The arc tangent in degrees, with an error below 0.01: a minimax polynomial for the first octant (Abramowitz
// and Stegun 4.4.49). It is several times as fast as std::atan2, which took most of the time of a decision.
float arcTangent(float y, float x) {
  const float wide = std::max(std::abs(x), std::abs(y)), narrow = std::min(std::abs(x), std::abs(y));
  if (!(wide > 0)) return 0;
  const float t = narrow / wide, s = t * t;
  float angle = 0.0208351F;
  for (const float c : {-0.0851330F, 0.1801410F, -0.3302995F, 0.9998660F}) angle = angle * s + c;
  angle *= t * kDegrees;
  if (std::abs(y) > std::abs(x)) angle = 90 - angle;
  if (x < 0) angle = 180 - angle;
  return std::copysign(angle, y);
}

// A vector that is perpendicular to `unit`.
Vector3 perpendicular(const Vector3& unit) {
  const Vector3 axis = std::abs(unit.y) < 0.9F ? Vector3{0, 1, 0} : Vector3{0, 0, 1};
  return cross(unit, axis);
}

}  // namespace

Direction directionTo(const Vector3& source, const Vector3& position, const Vector3& forward,
                      const Vector3& up, Handedness handedness) {
  const Vector3 to = source - position;
  Vector3 right = cross(forward, up);
  if (dot(right, right) < kParallel) right = perpendicular(forward);
  right = right * (1 / std::sqrt(dot(right, right)));
  const float ahead = dot(to, forward);
  const float above = dot(to, cross(right, forward));
  const float to_the_right = handedness == Handedness::kRight ? dot(to, right) : -dot(to, right);
  const float horizontal = std::sqrt(ahead * ahead + to_the_right * to_the_right);
  return {.azimuth = arcTangent(to_the_right, ahead), .elevation = arcTangent(above, horizontal)};
}

}  // namespace sluice::audibility
