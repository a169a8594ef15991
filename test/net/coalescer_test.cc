#include "source/net/coalescer.h"

#include <doctest/doctest.h>

namespace sluice::net {
namespace {

constexpr Duration kInterval = 100us;
constexpr Duration kWork = 10us;  // of each iteration

// A loop that reads all packets that have arrived, at a steady rate.
struct Loop {
  Coalescer coalescer{kInterval};
  Instant now{1h};
  Instant next_packet = now;
  unsigned turns = 0, pauses = 0;

  void run(Duration duration, Duration between) {
    next_packet = std::min(next_packet, now + between);
    turns = pauses = 0;
    for (const Instant end = now + duration; now < end; ++turns) {
      const Instant began = now = std::max(now, next_packet);
      for (; next_packet <= began; next_packet += between) coalescer.countPackets(1);
      now += kWork;
      const Duration pause = coalescer.pause(began, now);
      CHECK((pause == Duration::zero() || now + pause == began + kInterval));
      if (pause > Duration::zero()) ++pauses;
      now += pause;
    }
  }
};

TEST_CASE("Coalescer: slow packets never wait") {
  Loop loop;
  loop.run(1s, 60us);
  CHECK(loop.pauses == 0);
  loop.run(10s, 20ms);
  CHECK(loop.pauses == 0);
}

TEST_CASE("Coalescer: fast packets accumulate until the interval is over, soon after they became fast") {
  Loop loop;
  loop.run(1s, 20ms);
  loop.run(1ms, 20us);
  CHECK(loop.pauses > 0);
  loop.run(1s, 20us);
  CHECK(loop.pauses == loop.turns);
  CHECK(loop.turns == 1s / kInterval);
}

TEST_CASE("Coalescer: pauses end with the fast packets") {
  Loop loop;
  loop.run(10ms, 20us);
  loop.run(10ms, 200us);
  loop.run(10ms, 200us);
  CHECK(loop.pauses == 0);
}

TEST_CASE("Coalescer: one long silence is soon forgotten") {
  Loop loop;
  loop.run(10ms, 20us);
  loop.now += 10s;
  loop.next_packet = loop.now;
  loop.run(1ms, 20us);
  CHECK(loop.pauses > 0);
}

TEST_CASE(
    "Coalescer: iterations longer than the interval never pause, because packets accumulated meanwhile") {
  Loop loop;
  loop.run(10ms, 20us);
  const Instant began = loop.now;
  loop.coalescer.countPackets(64);
  CHECK(loop.coalescer.pause(began, began + 2 * kInterval) == Duration::zero());
}

TEST_CASE("Coalescer: an iteration without packets never pauses") {
  Loop loop;
  loop.run(10ms, 20us);
  CHECK(loop.coalescer.pause(loop.now, loop.now + kWork) == Duration::zero());
}

TEST_CASE("Coalescer: an interval of zero turns it off") {
  Coalescer off(Duration::zero());
  Instant now{1h};
  for (int i = 0; i < 100; ++i) {
    off.countPackets(10);
    CHECK(off.pause(now, now) == Duration::zero());
  }
}

}  // namespace
}  // namespace sluice::net
