#include "source/load/walk.h"

#include <doctest/doctest.h>

#include "source/audibility/direction.h"

namespace sluice::load {
namespace {

constexpr float kField = 100;

Rendering renderingOf(const Place& speaker, const Place& receiver) {
  const auto direction = directionTo(speaker.position, receiver.position, receiver.forward, {0, 1, 0},
                                     audibility::Handedness::kRight);
  return {.azimuth = direction.azimuth, .distance = distanceBetween(speaker.position, receiver.position)};
}

TEST_CASE("Walk: players stay in the field, move steadily and look where they walk") {
  const Walk walk(kField);
  for (uint32_t player = 0; player < 100; ++player) {
    for (Duration time{}; time < 25s; time += 1s) {
      const Place place = walk.at(player, time), next = walk.at(player, time + Walk::kTick);
      CHECK(place.position.x >= 0);
      CHECK(place.position.x <= kField);
      CHECK(place.position.z >= 0);
      CHECK(place.position.z <= kField);
      const audibility::Vector3 moved = next.position - place.position;
      CHECK(dot(moved, place.forward) == doctest::Approx(0.196).epsilon(0.02));
    }
  }
}

TEST_CASE("Walk: a rendering of the last two ticks is right, in either coordinate system") {
  const Walk walk(kField);
  for (uint32_t speaker = 1; speaker < 100; ++speaker) {
    for (int ticks = 0; ticks <= 2; ++ticks) {
      const Duration now = 7s;
      const Duration then = now - ticks * Walk::kTick;
      Rendering rendering = renderingOf(walk.at(speaker, then), walk.at(0, then));
      CHECK(walk.isRight(rendering, walk.at(speaker, now), walk.at(0, now)));
      rendering.azimuth = -rendering.azimuth;
      CHECK(walk.isRight(rendering, walk.at(speaker, now), walk.at(0, now)));
    }
  }
}

TEST_CASE("Walk: another direction or distance is wrong") {
  const Walk walk(kField);
  const Place here{{0, 0, 0}, {0, 0, -1}}, there{{20, 0, 0}, {0, 0, -1}};
  const Rendering right = renderingOf(there, here);
  CHECK(right.azimuth == doctest::Approx(90));
  CHECK(walk.isRight(right, there, here));
  CHECK_FALSE(walk.isRight({.azimuth = 90, .elevation = 5, .distance = 20}, there, here));
  CHECK_FALSE(walk.isRight({.azimuth = 70, .distance = 20}, there, here));
  CHECK_FALSE(walk.isRight({.azimuth = 110, .distance = 20}, there, here));
  CHECK_FALSE(walk.isRight({.azimuth = 90, .distance = 22}, there, here));
  CHECK_FALSE(walk.isRight({.azimuth = 90, .distance = 18}, there, here));
}

}  // namespace
}  // namespace sluice::load
