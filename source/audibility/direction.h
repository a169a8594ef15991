// The direction from which a receiver hears a speaker.
#pragma once

#include "source/audibility/vector3.h"

namespace sluice::audibility {

// The handedness of the coordinate system. To the right of a player is forward x up in a right-handed system
// (Web Audio, OpenGL, Godot), and up x forward in a left-handed one (Unity, Unreal).
enum class Handedness { kRight, kLeft };

// Angles in degrees, relative to where the receiver looks. The error is below 0.01 degrees.
struct Direction {
  float azimuth = 0;    // -180 to 180; 0 is ahead, positive is to the right
  float elevation = 0;  // -90 to 90; positive is above
};

// The direction of `source` for a receiver at `position` who looks along `forward`. `forward` and `up` are
// unit vectors and need not be perpendicular. The result is 0, 0 if both positions are equal.
Direction directionTo(const Vector3& source, const Vector3& position, const Vector3& forward,
                      const Vector3& up, Handedness handedness);

}  // namespace sluice::audibility
