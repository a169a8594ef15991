#include "source/audibility/hearers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "test/audibility/room_builder.h"
#include "test/support/allocations.h"

namespace sluice::audibility::test {
namespace {

std::vector<uint32_t> numbersOf(std::span<const Hearer> hearers) {
  std::vector<uint32_t> numbers;
  for (const Hearer& hearer : hearers) numbers.push_back(hearer.number);
  std::ranges::sort(numbers);
  return numbers;
}

using Numbers = std::vector<uint32_t>;

class Worker {
 public:
  explicit Worker(Room& room) : room_(room) {}
  Numbers of(uint32_t speaker, Instant now) {
    hearers.update(room_.state.publish(now));
    return numbersOf(hearers.of(speaker, now));
  }
  Hearers hearers;

 private:
  Room& room_;
};

TEST_CASE("Hearers: a speaker's first packet is heard, by the receivers of this worker only") {
  Room room({proximity(10)});
  for (const uint32_t number : {1U, 2U, 3U}) room.at(number, static_cast<float>(number));
  room.at(4, 100);
  Worker worker(room);
  int here = 0, there = 0;
  worker.hearers.addReceiver(2, &here);
  worker.hearers.addReceiver(4, &there);
  CHECK(worker.hearers.of(1, kNow).empty());  // before the first snapshot
  CHECK(worker.of(1, kNow) == Numbers{2});
  CHECK(worker.hearers.of(1, kNow)[0].receiver == &here);
  CHECK(worker.of(9, kNow).empty());
}

TEST_CASE("Hearers: a receiver who is added or removed takes effect at once") {
  Room room;
  for (const uint32_t number : {1U, 2U, 3U}) room.at(number, 0);
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  CHECK(worker.of(1, kNow) == Numbers{2});
  worker.hearers.addReceiver(3, nullptr);
  CHECK(worker.of(1, kNow) == Numbers{2, 3});
  worker.hearers.removeReceiver(2);
  CHECK(worker.of(1, kNow) == Numbers{3});
  worker.hearers.removeReceiver(2);
  int other = 0;
  worker.hearers.addReceiver(3, &other);
  CHECK(worker.hearers.of(1, kNow)[0].receiver == &other);
}

TEST_CASE("Hearers: at the edge a receiver does not flap") {
  Room room({proximity(10, 2)});
  room.at(1, 0);
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  struct {
    float at;
    bool heard;
  } const steps[] = {{11, false}, {10, true}, {11, true}, {12, true}, {12.5F, false}, {11, false}, {9, true}};
  Instant now = kNow;
  for (const auto& step : steps) {
    CAPTURE(step.at);
    room.at(2, step.at);
    CHECK(worker.of(1, now).size() == (step.heard ? 1 : 0));
    now += 100ms;
  }
}

TEST_CASE("Hearers: hysteresis ends when the speaker was silent for more than a second") {
  Room room({proximity(10, 2)});
  room.at(1, 0);
  room.at(2, 10);
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  CHECK(worker.of(1, kNow) == Numbers{2});
  room.at(2, 11);
  CHECK(worker.of(1, kNow + 1s) == Numbers{2});
  CHECK(worker.hearers.explain(1, 2, kNow + 2s).reason == Reason::kHeldInRange);
  CHECK(worker.hearers.explain(1, 2, kNow + 2s + 1ns).reason == Reason::kOutOfRange);
  CHECK(worker.of(1, kNow + 2s + 1ns).empty());
}

TEST_CASE("Hearers: new rules begin without hysteresis") {
  Room room({proximity(10, 2)});
  room.at(1, 0);
  room.at(2, 10);
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  CHECK(worker.of(1, kNow) == Numbers{2});
  room.at(2, 11);
  room.setRules({proximity(10, 2)});
  CHECK(worker.of(1, kNow + 20ms).empty());
}

TEST_CASE("Hearers: mutes and overrides end exactly at their time, without a new version") {
  Room room;
  for (const uint32_t number : {1U, 2U, 3U}) room.at(number, 0);
  room.set({.number = 1, .muted_until = kNow + 5s});
  room.set(PairOverride{.speaker = 1, .receiver = 2, .force = Force::kOff, .end = kNow + 7s});
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  worker.hearers.addReceiver(3, nullptr);
  struct {
    Duration at;
    Numbers heard;
  } const steps[] = {{0s, {}}, {5s - 1ns, {}}, {5s, {3}}, {7s - 1ns, {3}}, {7s, {2, 3}}};
  const SnapshotPtr snapshot = room.state.publish(kNow);
  worker.hearers.update(snapshot);
  for (const auto& step : steps) CHECK(numbersOf(worker.hearers.of(1, kNow + step.at)) == step.heard);
}

TEST_CASE("Hearers: an older snapshot is ignored") {
  Room room;
  room.at(1, 0);
  room.at(2, 0);
  const SnapshotPtr old = room.state.publish(kNow);
  room.set({.number = 1, .muted_until = Instant::max()});
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  CHECK(worker.of(1, kNow).empty());
  worker.hearers.update(old);
  CHECK(worker.hearers.of(1, kNow).empty());
  CHECK(worker.hearers.version() == room.state.version());
}

TEST_CASE("Hearers: directions are relative to where the receiver looks") {
  Room room({proximity(10)});
  room.at(1, 5);
  room.set({.number = 2, .position = Vector3{}, .forward = Vector3{0, 0, -1}});
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  REQUIRE(worker.of(1, kNow) == Numbers{2});
  CHECK(worker.hearers.of(1, kNow)[0].rendering.azimuth == doctest::Approx(90).epsilon(0.001));
  CHECK(worker.hearers.of(1, kNow)[0].rendering.distance == 5);
  room.set({.number = 2, .forward = Vector3{1, 0, 0}});
  REQUIRE(worker.of(1, kNow) == Numbers{2});
  CHECK(worker.hearers.of(1, kNow)[0].rendering.azimuth == doctest::Approx(0));
  CHECK(worker.hearers.of(1, kNow)[0].proximity_db == doctest::Approx(-13.98).epsilon(0.01));
}

TEST_CASE("Hearers: of() allocates nothing in the steady state") {
  Room room({proximity(10, 1)});
  for (uint32_t number = 1; number <= 100; ++number) room.at(number, static_cast<float>(number % 10));
  Worker worker(room);
  for (uint32_t number = 1; number <= 100; ++number) worker.hearers.addReceiver(number, nullptr);
  Instant now = kNow;
  uint64_t allocations = 0;
  for (int version = 0; version < 50; ++version) {
    room.at(1 + static_cast<uint32_t>(version) % 100, static_cast<float>(version % 7));
    worker.hearers.update(room.state.publish(now));
    const uint64_t before = sluice::test::allocations();
    sluice::test::countAllocations(true);
    for (uint32_t speaker = 1; speaker <= 5; ++speaker) {
      CHECK_FALSE(worker.hearers.of(speaker, now).empty());
    }
    sluice::test::countAllocations(false);
    if (version > 10) allocations += sluice::test::allocations() - before;
    now += 100ms;
  }
  CHECK(allocations == 0);
}

TEST_CASE("Hearers: speakers who left or fell silent are forgotten") {
  Room room;
  room.at(1, 0);
  room.at(2, 0);
  Worker worker(room);
  worker.hearers.addReceiver(2, nullptr);
  CHECK(worker.of(1, kNow) == Numbers{2});
  room.state.remove(1);
  CHECK(worker.of(1, kNow + 20ms).empty());
  room.at(3, 0);
  CHECK(worker.of(3, kNow + 40s) == Numbers{2});
  room.at(4, 0);
  CHECK(worker.of(4, kNow + 80s) == Numbers{2});
  CHECK(worker.of(3, kNow + 80s) == Numbers{2});
}

}  // namespace
}  // namespace sluice::audibility::test
