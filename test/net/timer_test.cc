#include "source/net/timer.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>

namespace sluice {
namespace {

using net::Timer;
using net::TimerQueue;

struct Fixture {
  ManualClock clock;
  TimerQueue queue{clock};
  std::vector<int> fired;

  std::unique_ptr<Timer> timer(int tag) {
    return std::make_unique<Timer>(queue, [this, tag] { fired.push_back(tag); });
  }
};

TEST_CASE("timers fire in order of time, once they are due") {
  Fixture f;
  const auto a = f.timer(1), b = f.timer(2), c = f.timer(3);
  a->arm(30ms);
  b->arm(10ms);
  c->arm(20ms);
  CHECK(f.queue.next() == f.clock.now() + 10ms);
  f.clock.advance(20ms);
  f.queue.run();
  CHECK(f.fired == std::vector{2, 3});
  CHECK(a->armed());
  CHECK_FALSE(b->armed());
  f.clock.advance(10ms);
  f.queue.run();
  CHECK(f.fired == std::vector{2, 3, 1});
  CHECK(f.queue.next() == Instant::max());
}

TEST_CASE("arming moves a timer; cancelling and destroying remove it") {
  Fixture f;
  const auto a = f.timer(1), b = f.timer(2);
  auto c = f.timer(3);
  a->arm(10ms);
  a->arm(30ms);
  b->arm(10ms);
  b->cancel();
  c->arm(10ms);
  c.reset();
  f.clock.advance(20ms);
  f.queue.run();
  CHECK(f.fired.empty());
  f.clock.advance(10ms);
  f.queue.run();
  CHECK(f.fired == std::vector{1});
}

TEST_CASE("a timer may arm itself and cancel others while it fires") {
  ManualClock clock;
  TimerQueue queue(clock);
  int ticks = 0;
  int others = 0;
  Timer other(queue, [&] { ++others; });
  Timer ticker(queue, [] {});
  Timer again(queue, [&] {
    ++ticks;
    other.cancel();
    again.arm(Duration::zero());
  });
  again.arm(1ms);
  other.arm(2ms);
  clock.advance(5ms);
  queue.run();
  CHECK(ticks >= 1);
  CHECK(ticks <= 2);  // an iteration ends
  CHECK(others == 0);
  queue.run();
  CHECK(ticks >= 2);
}

TEST_CASE("a timer that is repeatedly armed for the past does not starve other events") {
  ManualClock clock;
  TimerQueue queue(clock);
  int greedy_fired = 0;
  bool other_fired = false;
  Timer greedy(queue, [&] {
    ++greedy_fired;
    greedy.armAt(clock.now() - 1s);
  });
  Timer other(queue, [&] { other_fired = true; });
  other.arm(1ms);
  greedy.arm(0ms);
  clock.advance(10ms);
  queue.run();
  CHECK(other_fired);
  CHECK(greedy_fired <= 2);
}

TEST_CASE("a thousand timers, armed, moved and cancelled at random, fire in order") {
  ManualClock clock;
  TimerQueue queue(clock);
  std::mt19937 random(7);
  Instant last{};
  int fired = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 1000; ++i) {
    timers.push_back(nullptr);
    auto& place = timers.back();
    place = std::make_unique<Timer>(queue, [&, i] {
      CHECK(timers[static_cast<size_t>(i)]->due() >= last);
      last = timers[static_cast<size_t>(i)]->due();
      ++fired;
    });
  }
  int armed = 0;
  for (int round = 0; round < 5000; ++round) {
    Timer& timer = *timers[random() % timers.size()];
    if (random() % 4 == 0) {
      timer.cancel();
    } else {
      timer.arm(std::chrono::milliseconds{1 + random() % 1000});
    }
  }
  for (const auto& timer : timers) armed += timer->armed();
  CHECK(queue.size() == static_cast<size_t>(armed));
  clock.advance(2s);
  queue.run();
  CHECK(fired == armed);
}

}  // namespace
}  // namespace sluice
