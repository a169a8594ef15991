#include "filters/impair/impair.h"

#include <doctest/doctest.h>

#include <bit>
#include <set>

#include "test/support/allocations.h"
#include "test/support/harness.h"

namespace sluice::impair {
namespace {

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  test::ChainHarness chain;

  explicit Fixture(const std::string& config) : chain(worker, {{filterType(), config}}) {}

  // An RTP packet with this number.
  static std::vector<uint8_t> packet(uint8_t number) {
    std::vector<uint8_t> data(100, number);
    data[0] = 0x80;
    data[1] = 111;
    return data;
  }
  void in(uint8_t number) { chain.ingress(packet(number)); }
  void out(uint8_t number) { chain.egress(packet(number)); }
  void advance(Duration by) {
    clock.advance(by);
    worker.timers().run();
  }
  void reload(const std::string& config) { chain.reload({{filterType(), config}}); }
  static std::vector<int> numbers(const std::vector<test::Captured>& packets) {
    std::vector<int> out;
    for (const auto& packet : packets) out.push_back(packet.data[2]);
    return out;
  }
  std::vector<int> inner() const { return numbers(chain.inner); }
  std::vector<int> outer() const { return numbers(chain.outer); }
  uint64_t dropped(std::string_view reason) const { return chain.dropped("impair", reason); }
  uint64_t counted(const std::string& counter) const { return chain.counted("impair", counter); }
};

TEST_CASE("a direction that is not configured passes everything at once") {
  Fixture f("ingress { loss { percent: 100 } }");
  f.in(1);
  f.out(2);
  CHECK(f.inner().empty());
  CHECK(f.outer() == std::vector{2});
  CHECK(f.dropped("lost") == 1);
}

TEST_CASE("packets wait for their time, in order, and separately in each direction") {
  Fixture f("ingress { delay_ms: 40 } egress { delay_ms: 10 }");
  f.in(1);
  f.in(2);
  f.out(3);
  f.advance(10ms);
  CHECK(f.outer() == std::vector{3});
  f.in(4);
  f.advance(29ms);
  CHECK(f.inner().empty());
  f.advance(1ms);
  CHECK(f.inner() == std::vector{1, 2});
  f.advance(10ms);
  CHECK(f.inner() == std::vector{1, 2, 4});
  CHECK(f.counted("held") == 4);
}

TEST_CASE("a packet that is held back is passed on after later ones") {
  Fixture f("ingress { reorder { percent: 100 by_ms: 30 } }");
  f.in(1);
  f.reload("ingress {}");
  f.in(2);
  f.advance(30ms);
  CHECK(f.inner() == std::vector{2, 1});
  CHECK(f.counted("reordered") == 1);
}

TEST_CASE("a copy has the original's bytes, kind and address") {
  Fixture f("egress { duplicate_percent: 100 }");
  f.out(7);
  REQUIRE(f.outer() == std::vector{7, 7});
  CHECK(f.chain.outer[0].data == f.chain.outer[1].data);
  CHECK(f.chain.outer[1].kind == PacketKind::kRtp);
  CHECK(f.counted("duplicated") == 1);
}

TEST_CASE("a corrupted packet differs in one bit") {
  Fixture f("ingress { corrupt_percent: 100 }");
  std::set<int> places;
  for (int i = 0; i < 50; ++i) {
    f.in(9);
    const auto good = Fixture::packet(9);
    const auto& bad = f.chain.inner.back().data;
    REQUIRE(bad.size() == good.size());
    int bits = 0;
    for (size_t at = 0; at < good.size(); ++at) {
      bits += std::popcount(static_cast<unsigned>(good[at] ^ bad[at]));
      if (good[at] != bad[at]) places.insert(static_cast<int>(at));
    }
    CHECK(bits == 1);
  }
  CHECK(places.size() > 20);
  CHECK(f.counted("corrupted") == 50);
  f.chain.ingress({});  // nothing to flip
}

TEST_CASE("packets that exceed the queue of a limited bit rate are dropped as rate_limited") {
  Fixture f("egress { rate { bps: 8000 max_queue_ms: 150 } }");  // 100 bytes in 100 ms
  for (uint8_t i = 0; i < 4; ++i) f.out(i);
  CHECK(f.dropped("rate_limited") == 2);
  f.advance(100ms);
  CHECK(f.outer() == std::vector{0});
  f.advance(100ms);
  CHECK(f.outer() == std::vector{0, 1});
}

TEST_CASE("packets above max_held are dropped as held_full") {
  Fixture f("ingress { delay_ms: 100 max_held: 3 }");
  for (uint8_t i = 0; i < 5; ++i) f.in(i);
  CHECK(f.dropped("held_full") == 2);
  f.advance(100ms);
  CHECK(f.inner() == std::vector{0, 1, 2});
  f.in(5);
  CHECK(f.dropped("held_full") == 2);
}

TEST_CASE("without a free packet buffer no copy is made") {
  Fixture f("ingress { duplicate_percent: 100 }");
  std::vector<net::PacketPtr> all;
  f.in(1);
  while (net::PacketPtr packet = f.worker.pool().acquire()) all.push_back(std::move(packet));
  all.back()->settle();
  all.pop_back();
  f.in(2);
  CHECK(f.inner() == std::vector{1, 1, 2});
  CHECK(f.dropped("no_packet") == 1);
  for (auto& packet : all) packet->settle();
}

TEST_CASE("impairment can be restricted to RTP") {
  Fixture f("ingress { only: RTP loss { percent: 100 } } egress { only: RTP delay_ms: 10 }");
  f.in(1);
  f.chain.ingress(std::vector<uint8_t>{22, 254, 253});        // DTLS
  f.chain.ingress(std::vector<uint8_t>{0x80, 200, 0, 1, 2});  // RTCP
  CHECK(f.chain.inner.size() == 2);
  f.chain.egress(std::vector<uint8_t>{22, 254, 253}, PacketKind::kDtls);
  CHECK(f.chain.outer.size() == 1);
}

TEST_CASE("a reload applies from the next packet on, and waiting packets keep their time") {
  Fixture f("ingress { delay_ms: 50 }");
  f.in(1);
  f.reload("ingress { loss { percent: 100 } }");
  f.in(2);
  CHECK(f.dropped("lost") == 1);
  f.reload("ingress { delay_ms: 20 max_held: 2000 }");
  f.in(3);
  f.reload("ingress { delay_ms: 20 max_held: 1 }");
  f.in(4);
  CHECK(f.dropped("held_full") == 1);
  f.advance(20ms);
  CHECK(f.inner() == std::vector{3});
  f.reload("");
  f.in(5);
  f.advance(30ms);
  CHECK(f.inner() == std::vector{3, 5, 1});
}

TEST_CASE("a filter that is removed, or whose session ends, passes on the packets that it holds") {
  Fixture f("ingress { delay_ms: 50 } egress { delay_ms: 50 jitter { max_ms: 50 } }");
  for (uint8_t i = 0; i < 5; ++i) {
    f.in(i);
    f.out(i);
  }
  SUBCASE("removed") {
    f.chain.reload({});
  }
  SUBCASE("session ends") {
    f.chain.closeChain();
  }
  CHECK(f.inner() == std::vector{0, 1, 2, 3, 4});
  CHECK(f.outer().size() == 5);
  f.chain.closeChain();
  CHECK(f.worker.pool().unaccounted() == 0);
}

std::vector<int> survivors(const std::string& config, const std::string& from, bool inward = true) {
  Fixture f(config);
  f.chain.session.selected = *net::Address::parse(from);
  for (uint8_t i = 0; i < 100; ++i) inward ? f.in(i) : f.out(i);
  return inward ? f.inner() : f.outer();
}

TEST_CASE(
    "a seed makes a run repeatable by the client's IP address; without a seed each session is different") {
  const std::string half = "ingress { loss { percent: 50 } } egress { loss { percent: 50 } } ";
  const auto first = survivors(half + "seed: 1", "192.0.2.1:1000");
  CHECK(first == survivors(half + "seed: 1", "192.0.2.1:2000"));
  CHECK(first != survivors(half + "seed: 2", "192.0.2.1:1000"));
  CHECK(first != survivors(half + "seed: 1", "192.0.2.2:1000"));
  CHECK(first != survivors(half + "seed: 1", "192.0.2.1:1000", false));
  CHECK(survivors(half, "192.0.2.1:1000") != survivors(half, "192.0.2.1:1000"));
}

TEST_CASE("a player's run is repeatable by room and name") {
  const auto passed = [](const char* room, const char* name) {
    Fixture f("egress { loss { percent: 50 } } seed: 5");
    rooms::Directory directory({}, 1, f.clock);
    rooms::Negotiated negotiated;
    negotiated.local = {"ufrag", "password"};
    f.chain.session.known_player = *directory.join(room, name, negotiated);
    for (uint8_t i = 0; i < 100; ++i) f.out(i);
    f.chain.closeChain();
    return f.outer();
  };
  CHECK(passed("room", "ada") == passed("room", "ada"));
  CHECK(passed("room", "ada") != passed("room", "bob"));
  CHECK(passed("room", "ada") != passed("hall", "ada"));
}

TEST_CASE("a reload with another seed restarts the sequence, with the same seed continues it") {
  const std::string half = "ingress { loss { percent: 50 } } ";
  const auto first = survivors(half + "seed: 1", "192.0.2.1:1000");
  Fixture f(half + "seed: 2");
  for (uint8_t i = 0; i < 30; ++i) f.in(i);
  f.chain.inner.clear();
  f.reload(half + "seed: 1");
  for (uint8_t i = 0; i < 50; ++i) f.in(i);
  f.reload("ingress { delay_ms: 0 loss { percent: 50 } } seed: 1");
  for (uint8_t i = 50; i < 100; ++i) f.in(i);
  CHECK(f.inner() == first);
}

TEST_CASE("every packet and every copy is passed, dropped or held") {
  Fixture f(
      "seed: 3 ingress { loss { percent: 10 mean_burst: 3 } delay_ms: 20 jitter { max_ms: 60 } max_held: 8 "
      "duplicate_percent: 10 corrupt_percent: 5 reorder { percent: 5 } rate { bps: 60000 max_queue_ms: 100 } "
      "}");
  size_t sent = 0;
  for (int i = 0; i < 5000; ++i, ++sent) {
    f.in(static_cast<uint8_t>(i));
    f.advance(10ms);
    chain::Description description;
    f.chain.chain().forEach(
        [&](const std::string&, const chain::Filter& filter) { filter.describe(description); });
    const size_t held = std::stoul(description[0].second);
    const uint64_t drops = f.dropped("lost") + f.dropped("rate_limited") + f.dropped("held_full");
    REQUIRE(sent + 1 + f.counted("duplicated") == f.chain.inner.size() + drops + held);
  }
}

TEST_CASE("holding, duplicating and dropping packets allocates nothing") {
  Fixture f(
      "ingress { loss { percent: 10 } delay_ms: 40 jitter { max_ms: 60 } duplicate_percent: 10 max_held: 100 "
      "}");
  const auto packet = Fixture::packet(1);
  f.chain.record = false;
  const auto talk = [&](int count) {
    for (int i = 0; i < count; ++i) {
      f.chain.ingress(packet);
      f.advance(5ms);
    }
  };
  talk(1000);
  test::countAllocations(true);
  const uint64_t before = test::allocations();
  talk(10'000);
  const uint64_t after = test::allocations();
  test::countAllocations(false);
  CHECK(after - before == 0);
}

}  // namespace
}  // namespace sluice::impair
