#include "source/control/speaker_limits.h"

#include <doctest/doctest.h>

#include <climits>
#include <vector>

namespace sluice::control {
namespace {

using Change = SpeakerLimits::Change;
using Changes = std::vector<Change>;

// 50 packets a second from each of `speakers` to each receiver.
SpeakerLimits::Load load(uint32_t room, unsigned receivers, uint16_t speakers, unsigned worker = 0) {
  return {room, worker, 50.0 * receivers * speakers, speakers};
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

TEST_CASE("SpeakerLimits: a room loses a quarter of its speakers in a step, down to one") {
  SpeakerLimits limits;
  limits.check(std::vector{1.0}, {});
  uint16_t heard = 12;
  for (const uint16_t limit : {9, 7, 6, 5, 4, 3, 2, 1}) {
    CHECK(limits.check(std::vector{1.0}, {load(1, 10, heard)}) == Changes{{1, limit}});
    heard = limit;
  }
  CHECK(limits.check(std::vector{1.0}, {load(1, 10, 1)}).empty());
}

TEST_CASE(
    "SpeakerLimits: of the saturated worker's rooms, those with the most packets lose speakers, as many as "
    "needed") {
  const std::vector busy{1.0, 0.2};
  SpeakerLimits one_room;
  one_room.check(busy, {});
  CHECK(one_room.check(busy, {load(1, 10, 4), load(2, 50, 4), load(3, 500, 8, 1)}) == Changes{{2, 3}});
  SpeakerLimits many_rooms;
  many_rooms.check(busy, {});
  std::vector<SpeakerLimits::Load> loads;
  for (uint32_t room = 1; room <= 100; ++room) loads.push_back(load(room, 5, 4));
  CHECK(many_rooms.check(busy, loads).size() == 60);  // a quarter of 60 % is 15 %
}

TEST_CASE("SpeakerLimits: the receiver who hears most counts, not how long frames are") {
  SpeakerLimits limits;
  limits.check(std::vector{1.0}, {});
  CHECK(limits.check(std::vector{1.0}, {{1, 0, 17.0 * 40, 8}}) == Changes{{1, 6}});
}

TEST_CASE(
    "SpeakerLimits: a room recovers by one speaker in five seconds, when its own workers are relieved") {
  SpeakerLimits limits;
  limits.check(std::vector{1.0, 1.0}, {});
  const std::vector loads{load(1, 10, 4, 0), load(2, 10, 4, 1)};
  CHECK(limits.check(std::vector{1.0, 1.0}, loads) == Changes{{1, 3}, {2, 3}});
  CHECK(limits.check(std::vector{1.0, 1.0}, {load(1, 10, 3, 0), load(2, 10, 3, 1)}) ==
        Changes{{1, 2}, {2, 2}});
  const auto steps = [&](double first, double second) {
    Changes all;
    for (int i = 0; i < 5; ++i) {
      for (const Change& change : limits.check(std::vector{first, second}, loads)) all.push_back(change);
    }
    return all;
  };
  CHECK(steps(0.7, 0.7).empty());
  CHECK(steps(0.69, 0.75) == Changes{{1, 3}});
  CHECK(steps(0.69, 0.75) == Changes{{1, SpeakerLimits::kNone}});
  CHECK(limits.limited() == 1);
  CHECK(steps(0.8, 0.1) == Changes{{2, 3}});
}

TEST_CASE("SpeakerLimits: a room that has ended has no limit; one without connected players keeps it") {
  SpeakerLimits limits;
  limits.check(std::vector{1.0}, {});
  limits.check(std::vector{1.0}, {load(1, 50, 3)});
  CHECK(limits.check(std::vector{0.8}, {{1, UINT_MAX}}).empty());
  CHECK(limits.limited() == 1);
  CHECK(limits.check(std::vector{0.1}, {load(2, 50, 3)}).empty());
  CHECK(limits.limited() == 0);
  CHECK_FALSE(limits.needsLoads(std::vector{0.1}));
}

}  // namespace
}  // namespace sluice::control
