// Points and directions in the game's world.
#pragma once

#include <cmath>

#include "source/base/archive.h"

namespace sluice::audibility {

// In world units; the game chooses the unit and the axes.
struct Vector3 {
  float x = 0;
  float y = 0;
  float z = 0;

  void archive(Archive& a) { a(x, y, z); }
  friend bool operator==(const Vector3&, const Vector3&) = default;
  friend Vector3 operator-(const Vector3& a, const Vector3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend Vector3 operator*(const Vector3& a, float by) { return {a.x * by, a.y * by, a.z * by}; }
};

inline float dot(const Vector3& a, const Vector3& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

inline Vector3 cross(const Vector3& a, const Vector3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

// Computed in double, so that coordinates near 1e7 lose no further precision.
inline float distanceBetween(const Vector3& a, const Vector3& b) {
  const double x = double{a.x} - b.x, y = double{a.y} - b.y, z = double{a.z} - b.z;
  return static_cast<float>(std::sqrt(x * x + y * y + z * z));
}

}  // namespace sluice::audibility
