#include "source/load/walk.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "source/audibility/direction.h"

namespace sluice::load {
namespace {

using audibility::Vector3;

constexpr double kTurn = 2 * std::numbers::pi;
constexpr double kLapSeconds = 20;
constexpr double kDegrees = 180 / std::numbers::pi;
// The fractional parts of its multiples are spread evenly, as are those of its square.
constexpr double kSpread = 0.7548776662466927;
constexpr float kRounding = 0.01F;  // of the distance in a packet, relative
constexpr double kRoundingDegrees = 1;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

float fractionOf(double value) {
  return static_cast<float>(value - std::floor(value));
}

float difference(float azimuth, float other) {
  const float turned = std::abs(azimuth - other);
  return std::min(turned, 360 - turned);
}

}  // namespace

Place Walk::at(uint32_t player, Duration time) const {
  const double angle = kTurn * (kSpread * player + seconds(time) / kLapSeconds);
  const float cosine = static_cast<float>(std::cos(angle)), sine = static_cast<float>(std::sin(angle));
  const float room = field_ - 2 * radius();
  const float x = radius() + room * fractionOf(kSpread * (player + 1));
  const float z = radius() + room * fractionOf(kSpread * kSpread * (player + 1));
  return {.position = {x + radius() * cosine, 0, z + radius() * sine}, .forward = {-sine, 0, cosine}};
}

float Walk::step() const {
  return static_cast<float>(kTurn * radius() * seconds(2 * kTick) / kLapSeconds);
}

bool Walk::isRight(const Rendering& rendering, const Place& speaker, const Place& receiver) const {
  const float distance = distanceBetween(speaker.position, receiver.position);
  const float moved = 2 * step();  // both players walk
  if (rendering.elevation != 0 || std::abs(rendering.distance - distance) > moved + kRounding * distance)
    return false;
  if (distance <= moved) return true;  // any direction
  const audibility::Direction expected = directionTo(speaker.position, receiver.position, receiver.forward,
                                                     {0, 1, 0}, audibility::Handedness::kRight);
  const double turned = 360 * seconds(2 * kTick) / kLapSeconds + kDegrees * std::asin(moved / distance);
  const float off = std::min(difference(rendering.azimuth, expected.azimuth),
                             difference(-rendering.azimuth, expected.azimuth));
  return off <= turned + kRoundingDegrees;
}

}  // namespace sluice::load
