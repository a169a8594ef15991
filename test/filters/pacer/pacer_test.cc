#include "filters/pacer/pacer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "filters/pacer/rate_policy.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using test::ChainHarness;

// 8000 bits per second are 1000 bytes per second: a 100-byte packet every 100 ms.
constexpr const char* kSlow = "rate_bps: 8000 burst_bytes: 300 max_queue_packets: 4 max_delay_ms: 10000";

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  ChainHarness chain;

  explicit Fixture(const char* config) : chain(worker, {{pacer::filterType(), config}}) {}

  void send(uint8_t tag, size_t size = 100, uint32_t ssrc = 1) {
    std::vector<uint8_t> packet(size, tag);
    writeU32(&packet[8], ssrc);
    chain.egress(packet);
  }
  void advance(Duration by) {
    clock.advance(by);
    worker.timers().run();
  }
  std::vector<int> sent() const {
    std::vector<int> tags;
    for (const auto& packet : chain.outer) tags.push_back(packet.data[0]);
    return tags;
  }
};

TEST_CASE("below its rate the pacer adds no delay") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 50; ++i) {
    f.send(i);
    CHECK(f.chain.outer.size() == i + 1u);
    f.advance(101ms);
  }
  CHECK(f.chain.counted("pacer", "queued") == 0);
}

TEST_CASE("a burst passes at once, the rest at the rate and in order") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 6; ++i) f.send(i);
  CHECK(f.sent() == std::vector{0, 1, 2});
  f.advance(99ms);
  CHECK(f.sent().size() == 3);
  f.advance(2ms);
  CHECK(f.sent() == std::vector{0, 1, 2, 3});
  f.advance(200ms);
  CHECK(f.sent() == std::vector{0, 1, 2, 3, 4, 5});
  CHECK(f.chain.counted("pacer", "queued") == 3);
}

TEST_CASE("a packet past its deadline is not sent") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 3; ++i) f.send(i);
  net::PacketPtr packet = f.worker.pool().acquire();
  std::vector<uint8_t> data(100, 3);
  writeU32(&data[8], 1);
  packet->assign(data);
  packet->kind = PacketKind::kRtp;
  packet->deadline = f.clock.now() + 50ms;
  f.chain.chain().egress(std::move(packet));
  f.send(4);
  f.advance(200ms);
  CHECK(f.sent() == std::vector{0, 1, 2, 4});
  CHECK(f.chain.dropped("pacer", "past_deadline") == 1);
}

TEST_CASE("RTCP is not paced") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 4; ++i) f.send(i);
  f.chain.egress(std::vector<uint8_t>(100, 99), PacketKind::kRtcp);
  CHECK(f.sent() == std::vector{0, 1, 2, 99});
}

TEST_CASE("a full queue drops the new packet") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 9; ++i) f.send(i);
  CHECK(f.chain.dropped("pacer", "queue_full") == 2);
  f.advance(1s);
  f.advance(1s);
  CHECK(f.sent() == std::vector{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("a packet that waited longer than max_delay_ms is dropped") {
  Fixture f("rate_bps: 8000 burst_bytes: 256 max_queue_packets: 10 max_delay_ms: 150");
  for (uint8_t i = 0; i < 6; ++i) f.send(i);
  for (int i = 0; i < 10; ++i) f.advance(50ms);
  CHECK(f.chain.dropped("pacer", "too_late") + f.sent().size() == 6);
  CHECK(f.chain.dropped("pacer", "too_late") >= 2);
}

TEST_CASE("a packet larger than the burst passes with a full bucket") {
  Fixture f("rate_bps: 8000 burst_bytes: 256");
  f.send(1, 1000);
  CHECK(f.sent().size() == 1);
  f.send(2);
  CHECK(f.sent().size() == 1);
}

TEST_CASE("a reload keeps waiting packets and applies the new rate") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 7; ++i) f.send(i);
  CHECK(f.sent().size() == 3);
  f.chain.reload(
      {{pacer::filterType(), "rate_bps: 80000 burst_bytes: 300 max_queue_packets: 2 max_delay_ms: 10000"}});
  f.advance(11ms);
  CHECK(f.sent().size() == 4);
  f.advance(40ms);
  f.advance(1ms);
  CHECK(f.sent() == std::vector{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("a pacer that is removed, or whose session ends, passes on the packets that it holds") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 5; ++i) f.send(i);
  SUBCASE("removed") {
    f.chain.reload({});
  }
  SUBCASE("session ends") {
    f.chain.closeChain();
  }
  CHECK(f.sent() == std::vector{0, 1, 2, 3, 4});
  f.chain.closeChain();
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("the rate follows the smoothed round trip between its bounds") {
  const pacer::RatePolicy::Config config{.rate_bps = 64'000,
                                         .adapt = true,
                                         .min_rate_bps = 32'000,
                                         .max_rate_bps = 128'000,
                                         .alpha = 0.125,
                                         .low_rtt = 50ms,
                                         .high_rtt = 200ms};
  pacer::RatePolicy policy(config);
  CHECK(policy.rateBps() == 64'000);
  CHECK(policy.onRoundTrip(20ms));
  CHECK(policy.rateBps() == 128'000);
  for (int i = 0; i < 100; ++i) policy.onRoundTrip(400ms);
  CHECK(policy.rateBps() == 32'000);
  pacer::RatePolicy fresh(config);
  fresh.onRoundTrip(100ms);
  fresh.onRoundTrip(180ms);
  CHECK(fresh.smoothedRtt() == 110ms);
  pacer::RatePolicy fixed({.rate_bps = 1000});
  CHECK_FALSE(fixed.onRoundTrip(500ms));
  CHECK(fixed.rateBps() == 1000);
}

TEST_CASE("a reload to a shorter queue applies from the next packet on, and drops no waiting packet") {
  Fixture f(kSlow);
  for (uint8_t i = 0; i < 7; ++i) f.send(i);  // three pass, four wait
  f.chain.reload(
      {{pacer::filterType(), "rate_bps: 8000 burst_bytes: 300 max_queue_packets: 1 max_delay_ms: 10000"}});
  f.advance(210ms);
  f.advance(1ms);
  CHECK(f.sent() == std::vector{0, 1, 2, 3, 4});
  f.send(7);
  CHECK(f.chain.dropped("pacer", "queue_full") == 1);
}

TEST_CASE("the pacers of a worker hold at most a quarter of its packet pool") {
  Fixture f("rate_bps: 8000 burst_bytes: 256 max_queue_packets: 4096 max_delay_ms: 10000");
  ChainHarness second(f.worker,
                      {{pacer::filterType(), "rate_bps: 8000 burst_bytes: 256 max_queue_packets: 4"}});
  const size_t share = f.worker.pool().capacity() / 4;
  f.send(0, 256);
  for (size_t i = 0; i < share; ++i) f.send(1);
  CHECK(f.chain.dropped("pacer", "pool_share") == 0);
  f.send(2);
  CHECK(f.chain.dropped("pacer", "pool_share") == 1);
  second.egress(std::vector<uint8_t>(256, 1));
  second.egress(std::vector<uint8_t>(256, 1));
  CHECK(second.dropped("pacer", "pool_share") == 1);
  f.chain.closeChain();  // its held packets are sent
  second.egress(std::vector<uint8_t>(256, 1));
  CHECK(second.dropped("pacer", "pool_share") == 1);
}

TEST_CASE("a stream that sends too much loses and delays only its own packets") {
  // 16 kB/s for both: the voice needs 5 kB/s, and the flood is 120 kB/s.
  Fixture f("rate_bps: 128000 burst_bytes: 2560 max_queue_packets: 64 max_delay_ms: 200");
  constexpr uint8_t kFlood = 1;
  constexpr uint8_t kVoice = 2;
  const auto delivered = [&](uint8_t tag) { return std::ranges::count(f.sent(), tag); };
  for (int i = 0; i < 500; ++i) {
    for (int burst = 0; burst < 2; ++burst) f.send(kFlood, 1200, 7);
    f.send(kVoice, 100, 8);
    for (int ms = 0; ms < 20; ++ms) f.advance(1ms);
    CHECK(delivered(kVoice) >= i - 4);  // it waits at most for one packet of the flood: 75 ms
  }
  f.advance(75ms);
  CHECK(delivered(kVoice) == 500);
  CHECK(delivered(kFlood) > 50);
  CHECK(f.chain.dropped("pacer", "queue_full") + f.chain.dropped("pacer", "too_late") > 500);
  f.chain.closeChain();
  CHECK(f.worker.pool().unaccounted() == 0);
}

}  // namespace
}  // namespace sluice
