#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>
#include <unordered_map>

#include "source/audibility/direction.h"
#include "source/audibility/fade.h"
#include "source/audibility/grid.h"
#include "source/audibility/number_map.h"

namespace sluice::audibility {
namespace {

TEST_CASE("fade: each model has its formula") {
  const auto gain = [](FadeModel model, float intensity, float distance) {
    return fade({.fade_model = model, .fade_intensity = intensity}, 2, 10, distance);
  };
  struct {
    FadeModel model;
    float intensity;
    float distance;
    double gain;
  } const cases[] = {
      {FadeModel::kInverse, 1, 2, 1},        {FadeModel::kInverse, 1, 4, 0.5},
      {FadeModel::kInverse, 2, 4, 1.0 / 3},  {FadeModel::kLinear, 1, 6, 0.5},
      {FadeModel::kLinear, 1, 10, 0},        {FadeModel::kLinear, 2, 9, 0},
      {FadeModel::kExponential, 2, 4, 0.25}, {FadeModel::kNone, 1, 10, 1},
      {FadeModel::kInverse, 0, 10, 1},
  };
  for (const auto& c : cases) CHECK(gain(c.model, c.intensity, c.distance) == doctest::Approx(c.gain));
}

TEST_CASE("directionTo: azimuth is positive to the right, elevation above") {
  const Vector3 ahead{0, 0, -1}, up{0, 1, 0};
  const auto to = [&](Vector3 source, Handedness handedness = Handedness::kRight) {
    return directionTo(source, {10, 0, 0}, ahead, up, handedness);
  };
  CHECK(std::abs(to({10, 0, -5}).azimuth) < 0.01);
  CHECK(std::abs(to({15, 0, 0}).azimuth - 90) < 0.01);
  CHECK(std::abs(to({15, 0, 0}, Handedness::kLeft).azimuth + 90) < 0.01);
  CHECK(std::abs(to({5, 0, -5}).azimuth + 45) < 0.01);
  CHECK(std::abs(to({10, 0, 5}).azimuth) > 179.99);
  CHECK(std::abs(to({10, 5, -5}).elevation - 45) < 0.01);
  CHECK(std::abs(to({10, -5, 0}).elevation + 90) < 0.01);
  CHECK(to({10, 0, 0}).azimuth == 0);
}

TEST_CASE("directionTo: the error is below 0.01 degrees") {
  std::mt19937 random(3);
  std::normal_distribution<float> coordinate;
  for (int i = 0; i < 100'000; ++i) {
    const Vector3 to{coordinate(random), coordinate(random), coordinate(random)};
    const Direction direction = directionTo(to, {}, {0, 0, -1}, {0, 1, 0}, Handedness::kRight);
    const double degrees = 180 / std::acos(-1.0);
    const double azimuth = std::atan2(to.x, -to.z) * degrees;
    const double elevation = std::atan2(to.y, std::hypot(to.x, to.z)) * degrees;
    REQUIRE(std::abs(direction.azimuth - azimuth) < 0.01);
    REQUIRE(std::abs(direction.elevation - elevation) < 0.01);
  }
}

TEST_CASE("directionTo: a receiver who looks straight up has finite directions") {
  const Vector3 up{0, 1, 0};
  const Direction direction = directionTo({1, 2, 3}, {}, up, up, Handedness::kRight);
  CHECK(std::isfinite(direction.azimuth));
  CHECK(std::isfinite(direction.elevation));
}

TEST_CASE("Grid: a query visits each player within the radius once, and only its world") {
  std::mt19937 random(1);
  for (const float spread : {3.0F, 300.0F, 1e7F}) {
    for (const float cell : {0.5F, 10.0F, 1e6F}) {
      std::uniform_real_distribution<float> coordinate(-spread, spread);
      std::vector<PlayerState> players(200);
      for (PlayerState& player : players) {
        player.position = {coordinate(random), coordinate(random), coordinate(random) / 10};
        player.world = static_cast<uint32_t>(random() % 2);
      }
      const Grid grid(players, cell);
      for (const float radius : {0.0F, cell / 3, cell, cell * 2.5F, spread / 4}) {
        const Vector3 centre = players[random() % 200].position;
        std::multiset<uint32_t> visited;
        grid.near(1, centre, radius, [&](uint32_t index) { visited.insert(index); });
        for (uint32_t i = 0; i < players.size(); ++i) {
          const float distance = distanceBetween(players[i].position, centre);
          if (players[i].world == 1 && distance <= radius) CHECK(visited.count(i) == 1);
          if (players[i].world != 1 || distance > radius * 1.001F) CHECK(visited.count(i) == 0);
        }
      }
    }
  }
}

TEST_CASE("Grid: without players no player is near") {
  const Grid grid({}, 1);
  grid.near(0, {}, 1e6F, [](uint32_t) { FAIL("visited"); });
}

TEST_CASE("NumberMap: it equals a standard map under random changes") {
  std::mt19937 random(2);
  NumberMap map;
  std::unordered_map<uint32_t, uint32_t> expected;
  for (uint32_t i = 0; i < 50'000; ++i) {
    const uint32_t number = 1 + static_cast<uint32_t>(random() % 300);
    if (random() % 2 == 0) {
      map.set(number, i);
      expected[number] = i;
    } else {
      map.erase(number);
      expected.erase(number);
    }
    const uint32_t probe = 1 + static_cast<uint32_t>(random() % 300);
    const auto it = expected.find(probe);
    REQUIRE(map.find(probe) == (it == expected.end() ? NumberMap::kAbsent : it->second));
    REQUIRE(map.size() == expected.size());
  }
  CHECK(map.find(0) == NumberMap::kAbsent);
}

}  // namespace
}  // namespace sluice::audibility
