// A writer publishes while two workers read, for the thread sanitizer.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "source/audibility/hearers.h"
#include "test/audibility/room_builder.h"

namespace sluice::audibility::test {
namespace {

constexpr uint32_t kPlayers = 40;

TEST_CASE("Snapshots are read without locks while the writer changes the room") {
  Room room({rule(RuleKind::kSameTeam), rule(RuleKind::kChannels), proximity(10, 1)});
  for (uint32_t number = 1; number <= kPlayers; ++number) {
    room.set({.number = number,
              .team = number % 3 == 0 ? "red" : "",
              .channels = std::vector<ChannelUpdate>{{.name = "air", .talk = number % 5 == 0}}});
  }
  std::mutex mutex;  // stands for the task that hands a snapshot to a worker
  SnapshotPtr latest = room.state.publish(kNow);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> heard{0};
  const auto work = [&](uint32_t first) {
    Hearers hearers;
    for (uint32_t number = first; number <= kPlayers; number += 2) hearers.addReceiver(number, nullptr);
    Instant now = kNow;
    do {
      SnapshotPtr snapshot;
      {
        const std::lock_guard lock(mutex);
        snapshot = latest;
      }
      hearers.update(std::move(snapshot));
      for (uint32_t speaker = 1; speaker <= kPlayers; ++speaker) heard += hearers.of(speaker, now).size();
      now += 20ms;
    } while (!stop);
  };
  std::thread one(work, 1), two(work, 2);
  for (uint32_t i = 0; i < 500; ++i) {
    const uint32_t number = 1 + i % kPlayers;
    if (i % 50 == 0) room.state.remove(number);
    room.set({.number = number,
              .position = Vector3{static_cast<float>(i % 30), 0, 0},
              .channels = std::vector<ChannelUpdate>{{.name = "air", .talk = i % 2 == 0}}});
    SnapshotPtr next = room.state.publish(kNow);
    const std::lock_guard lock(mutex);
    latest = std::move(next);
  }
  stop = true;
  one.join();
  two.join();
  CHECK(heard > 0);
}

}  // namespace
}  // namespace sluice::audibility::test
