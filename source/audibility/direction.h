// Where a receiver hears a speaker from.
#pragma once

#include "source/audibility/vector3.h"

namespace sluice::audibility {

// Decides on which side of a player who looks along `forward` its right hand is: forward x up in a
// right-handed system (Web Audio, OpenGL, Godot), up x forward in a left-handed one (Unity, Unreal).
enum class Handedness { kRight, kLeft };

// In degrees, relative to where the receiver looks. The error is below 0.01 degrees.
struct Direction {
  float azimuth = 0;    // -180 to 180; 0 is ahead, positive is to the right
  float elevation = 0;  // -90 to 90; positive is above
};

// Of `source` for a receiver at `position`. `forward` and `up` are unit vectors and need not be
// perpendicular: the receiver looks along `forward`. The direction is 0, 0 if both positions are equal.
Direction directionTo(const Vector3& source, const Vector3& position, const Vector3& forward,
                      const Vector3& up, Handedness handedness);

}  // namespace sluice::audibility
