// Where the players of --walk are: each walks along a circle of its own in a square field. Pure.
#pragma once

#include <cstdint>

#include "source/audibility/vector3.h"
#include "source/base/clock.h"
#include "source/base/rendering.h"

namespace sluice::load {

struct Place {
  audibility::Vector3 position;
  audibility::Vector3 forward;
};

class Walk {
 public:
  static constexpr Duration kTick = 50ms;  // between two positions

  // `field` is the length of its side in world units.
  explicit Walk(float field) : field_(field) {}

  // `time` is since the walk began.
  Place at(uint32_t player, Duration time) const;

  // True if `rendering` is that of a speaker for a receiver who were at these places at most two ticks ago.
  // Directions may be those of a left-handed coordinate system, so left and right are not told apart. The
  // gain is not checked.
  bool isRight(const Rendering& rendering, const Place& speaker, const Place& receiver) const;

 private:
  float radius() const { return field_ / 8; }
  // Of a player, in world units in the time of two ticks.
  float step() const;

  const float field_;
};

}  // namespace sluice::load
