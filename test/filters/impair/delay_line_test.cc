#include "filters/impair/delay_line.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "source/net/packet_pool.h"

namespace sluice::impair {
namespace {

constexpr Instant kStart{1h};

struct Fixture {
  explicit Fixture(size_t capacity = 100) { line.setCapacity(capacity); }
  ~Fixture() {
    while (!line.empty()) pop();
    CHECK(pool.unaccounted() == 0);
  }

  void push(uint8_t name, Instant release) {
    net::PacketPtr packet = pool.acquire();
    packet->tos = name;
    line.push(std::move(packet), release);
  }
  int pop() {
    const net::PacketPtr packet = line.pop();
    packet->settle();
    return packet->tos;
  }

  net::PacketPool pool{256};
  DelayLine line;
};

TEST_CASE("a line without capacity is empty and full") {
  const DelayLine line;
  CHECK(line.empty());
  CHECK(line.full());
}

TEST_CASE("packets leave in the order of their release, whatever the order in which they came") {
  Fixture f;
  f.push(1, kStart + 30ms);
  f.push(2, kStart + 10ms);
  f.push(3, kStart + 20ms);
  CHECK(f.line.next() == kStart + 10ms);
  CHECK(f.pop() == 2);
  f.push(4, kStart + 5ms);
  CHECK(f.line.next() == kStart + 5ms);
  CHECK(f.pop() == 4);
  CHECK(f.pop() == 3);
  CHECK(f.line.next() == kStart + 30ms);
  CHECK(f.pop() == 1);
  CHECK(f.line.empty());
}

TEST_CASE("packets with the same release leave in the order in which they came") {
  Fixture f;
  for (uint8_t i = 0; i < 50; ++i) f.push(i, kStart);
  for (int i = 0; i < 25; ++i) CHECK(f.pop() == i);
  for (uint8_t i = 50; i < 70; ++i) f.push(i, kStart);
  for (int i = 25; i < 70; ++i) CHECK(f.pop() == i);
}

TEST_CASE("a line is full at its capacity, and has room again when a packet leaves") {
  Fixture f(2);
  f.push(1, kStart);
  CHECK_FALSE(f.line.full());
  f.push(2, kStart);
  CHECK(f.line.full());
  f.pop();
  CHECK_FALSE(f.line.full());
}

TEST_CASE("packets beyond a capacity that became smaller stay, and new ones wait for their room") {
  Fixture f(4);
  for (uint8_t i = 0; i < 4; ++i) f.push(i, kStart + i * 1ms);
  f.line.setCapacity(2);
  CHECK(f.line.size() == 4);
  CHECK(f.line.full());
  CHECK(f.pop() == 0);
  CHECK(f.pop() == 1);
  CHECK(f.line.full());
  CHECK(f.pop() == 2);
  CHECK_FALSE(f.line.full());
  f.line.setCapacity(0);
  CHECK(f.line.full());
  CHECK(f.pop() == 3);
}

TEST_CASE("packets that come and leave at random leave like those of a sorted list") {
  Fixture f;
  std::mt19937 random(1);
  std::multimap<Instant, int> sorted;  // equal keys stay in the order of insertion
  for (int i = 0; i < 5'000; ++i) {
    if (!f.line.full() && (sorted.empty() || random() % 2 == 0)) {
      const Instant release = kStart + (random() % 20) * 1ms;
      const auto name = static_cast<uint8_t>(i);
      f.push(name, release);
      sorted.emplace(release, name);
    } else {
      REQUIRE(f.line.next() == sorted.begin()->first);
      REQUIRE(f.pop() == sorted.begin()->second);
      sorted.erase(sorted.begin());
    }
    REQUIRE(f.line.size() == sorted.size());
  }
}

}  // namespace
}  // namespace sluice::impair
