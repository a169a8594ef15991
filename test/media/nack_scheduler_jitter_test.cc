// Requests over minutes on lines that reorder packets.
#include <doctest/doctest.h>

#include <map>
#include <random>

#include "source/media/nack_scheduler.h"

namespace sluice::media {
namespace {

constexpr Instant kStart{std::chrono::hours{1}};
constexpr Duration kLearning = 5s;  // the line is unknown at first

struct Outcome {
  size_t requested = 0;
  size_t recovered = 0;
  size_t late = 0;
};

// Five minutes of 20 ms frames, each 0 to `jitter` late, like retransmissions. A thread wakes up to 1 ms
// late.
Outcome run(Duration jitter, double loss, Duration round_trip, Duration known, Duration budget = 150ms) {
  const NackScheduler::Config config{.budget = budget, .reordering = 10ms, .max_requests = 3};
  std::mt19937 random(1);
  const auto roll = [&] { return std::uniform_real_distribution<>(0, 1)(random); };
  const auto delay = [&] {
    return Duration{static_cast<int64_t>(roll() * static_cast<double>(jitter.count()))};
  };
  std::multimap<Instant, uint16_t> line;
  for (uint16_t i = 0; i < 15'000; ++i) {
    if (roll() >= loss) line.emplace(kStart + i * 20ms + delay(), i);
  }
  NackScheduler scheduler;
  Outcome outcome;
  Instant next = Instant::max();
  while (!line.empty()) {
    const auto [at, sequence] = *line.begin();
    if (next <= at) {
      const Instant now = next + Duration{static_cast<int64_t>(roll() * 1e6)};
      std::array<uint16_t, 64> wanted;
      const size_t count = scheduler.takeRequests(config, now, known, wanted);
      outcome.requested += count;
      for (size_t i = 0; i < count; ++i) {
        if (roll() >= loss) line.emplace(now + round_trip + delay(), wanted[i]);
      }
      next = scheduler.nextNack(config, now, known);
      continue;
    }
    line.erase(line.begin());
    if (scheduler.onPacket(sequence, sequence * 960u, {}, at, known / 2) ==
        NackScheduler::Arrival::kRecovered) {
      ++outcome.recovered;
      const bool late = at - scheduler.expected(sequence) > config.budget;
      if (late && at > kStart + kLearning) ++outcome.late;
    }
    next = scheduler.nextNack(config, at, known);
  }
  return outcome;
}

TEST_CASE("NackScheduler: with jitter and no loss, hardly any packet is requested") {
  for (const Duration jitter : {20ms, 30ms, 40ms, 60ms, 80ms, 100ms}) {
    for (const Duration known : {0ms, 40ms}) {
      CAPTURE(jitter / 1ms);
      CAPTURE(known / 1ms);
      CHECK(run(jitter, 0, 40ms, known).requested < 15'000 / 100);
    }
  }
}

TEST_CASE(
    "NackScheduler: with jitter and loss, few retransmissions are late, and most arrive where there is "
    "time") {
  for (const Duration jitter : {0ms, 30ms, 40ms, 60ms, 80ms, 100ms}) {
    for (const Duration round_trip : {20ms, 40ms, 60ms, 100ms, 200ms}) {
      for (const Duration budget : {150ms, 200ms}) {
        CAPTURE(jitter / 1ms);
        CAPTURE(round_trip / 1ms);
        CAPTURE(budget / 1ms);
        const Outcome outcome = run(jitter, 0.05, round_trip, round_trip, budget);
        CHECK(outcome.late < 15'000 / 50);
        const bool time = 2 * (jitter + 10ms) + round_trip <= budget;
        if (!time) continue;
        CHECK(outcome.recovered > 600);  // of some 700 that were lost
        CHECK(outcome.late <= 3);
      }
    }
  }
}

TEST_CASE("NackScheduler: without a round trip from RTCP, few retransmissions are late in five minutes") {
  for (const Duration jitter : {0ms, 30ms, 60ms, 100ms}) {
    for (const Duration round_trip : {20ms, 60ms, 100ms}) {
      CAPTURE(jitter / 1ms);
      CAPTURE(round_trip / 1ms);
      CHECK(run(jitter, 0.05, round_trip, {}).late < 15'000 / 100);
    }
  }
}

}  // namespace
}  // namespace sluice::media
