#include "source/control/speaker_limits.h"

#include <doctest/doctest.h>

#include <vector>

namespace sluice::control {
namespace {

using Change = SpeakerLimits::Change;
using Changes = std::vector<Change>;

// 50 packets a second from each of `speakers` to each receiver.
SpeakerLimits::Load load(uint32_t room, unsigned receivers, double speakers, unsigned worker = 0) {
  return {room, worker, receivers, 50.0 * receivers * speakers};
}

TEST_CASE("SpeakerLimits: nothing changes below saturation, nor in the first second of it") {
  SpeakerLimits limits;
  CHECK_FALSE(limits.needsLoads(std::vector{0.89, 0.5}));
  CHECK(limits.needsLoads(std::vector{0.5, 0.9}));
  CHECK(limits.check(std::vector{0.89}, {load(1, 10, 4)}).empty());
  CHECK(limits.check(std::vector{0.95}, {load(1, 10, 4)}).empty());
  CHECK(limits.check(std::vector{0.5}, {load(1, 10, 4)}).empty());
  CHECK(limits.check(std::vector{0.95}, {load(1, 10, 4)}).empty());
  CHECK(limits.check(std::vector{0.95}, {load(1, 10, 4)}) == Changes{{1, 3}});
}

TEST_CASE(
    "SpeakerLimits: the room with the most packets on the saturated worker is next, down to one speaker") {
  SpeakerLimits limits;
  const std::vector busy{1.0, 0.2};
  limits.check(busy, {});
  CHECK(limits.check(busy, {load(1, 20, 3), load(2, 50, 2), load(3, 500, 8, 1)}) == Changes{{2, 1}});
  CHECK(limits.check(busy, {load(1, 20, 3), load(2, 50, 1), load(3, 500, 8, 1)}) == Changes{{1, 2}});
  CHECK(limits.check(busy, {load(1, 20, 2), load(2, 50, 1), load(3, 500, 8, 1)}) == Changes{{1, 1}});
  CHECK(limits.check(busy, {load(1, 20, 1), load(2, 50, 1), load(3, 500, 8, 1)}).empty());
  CHECK(limits.limited() == 2);
}

TEST_CASE("SpeakerLimits: a limit that has no effect yet is lowered further") {
  SpeakerLimits limits;
  const std::vector busy{1.0};
  limits.check(busy, {});
  const std::vector frames_of_10_ms{load(1, 10, 8)};  // of four speakers
  for (const uint16_t limit : {7, 6, 5, 4, 3})
    CHECK(limits.check(busy, frames_of_10_ms) == Changes{{1, limit}});
}

TEST_CASE("SpeakerLimits: rooms recover in the opposite order, one step in five seconds") {
  SpeakerLimits limits;
  limits.check(std::vector{1.0}, {});
  limits.check(std::vector{1.0}, {load(1, 50, 3), load(2, 20, 3)});
  limits.check(std::vector{1.0}, {load(1, 10, 2), load(2, 20, 3)});
  limits.check(std::vector{1.0}, {load(1, 10, 2), load(2, 20, 2)});
  const std::vector loads{load(1, 10, 2), load(2, 20, 1)};
  const auto steps = [&](double busy) {
    Changes all;
    for (int i = 0; i < 5; ++i) {
      for (const Change& change : limits.check(std::vector{busy}, loads)) all.push_back(change);
    }
    return all;
  };
  CHECK(steps(0.7).empty());
  CHECK(steps(0.69) == Changes{{2, 2}});
  CHECK(steps(0.69) == Changes{{2, SpeakerLimits::kNone}});
  CHECK(steps(0.69) == Changes{{1, SpeakerLimits::kNone}});
  CHECK(steps(0.69).empty());
  CHECK(limits.limited() == 0);
}

TEST_CASE("SpeakerLimits: a room that has ended has no limit") {
  SpeakerLimits limits;
  limits.check(std::vector{1.0}, {});
  limits.check(std::vector{1.0}, {load(1, 50, 3)});
  CHECK(limits.limited() == 1);
  CHECK(limits.check(std::vector{0.1}, {load(2, 50, 3)}).empty());
  CHECK(limits.limited() == 0);
  CHECK_FALSE(limits.needsLoads(std::vector{0.1}));
}

}  // namespace
}  // namespace sluice::control
