#include "filters/repair/packet_history.h"

#include <doctest/doctest.h>

#include "source/net/packet_pool.h"

namespace sluice::repair {
namespace {

constexpr Instant kStart{1h};
constexpr size_t kPool = 256;

// A history of eight packets, unless stated otherwise.
struct Fixture {
  explicit Fixture(size_t packets = 8) : history(packets) {}

  // A packet whose payload is its number.
  void send(uint16_t sequence, Instant at = kStart) {
    net::PacketPtr packet = pool.acquire();
    const uint8_t payload[] = {static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence)};
    packet->assign(payload);
    SentPacket& sent = history.add(sequence);
    CHECK_FALSE(sent.block);
    sent.block = net::SharedPacket(std::move(packet));
    sent.payload_size = 2;
    sent.at = at;
  }
  void send(uint16_t first, int count) {
    for (int i = 0; i < count; ++i) send(static_cast<uint16_t>(first + i));
  }
  bool has(int sequence) {
    const SentPacket* sent = history.find(static_cast<uint16_t>(sequence));
    if (sent == nullptr) return false;
    CHECK(sent->payload()[0] * 256 + sent->payload()[1] == static_cast<uint16_t>(sequence));
    return true;
  }
  // How many packets of the pool are in use.
  size_t held() {
    std::vector<net::PacketPtr> unused;
    while (net::PacketPtr packet = pool.acquire()) unused.push_back(std::move(packet));
    for (net::PacketPtr& packet : unused) packet->settle();
    return kPool - unused.size();
  }

  net::PacketPool pool{kPool};
  PacketHistory history;
};

TEST_CASE("an empty history has no packet, not even number 0") {
  Fixture f;
  CHECK(f.history.empty());
  CHECK_FALSE(f.has(0));
  f.history.forget(kStart);
  f.history.resize(16);
  CHECK(f.history.empty());
  CHECK_FALSE(f.has(0));
}

TEST_CASE("a late packet is kept if the history still has its place") {
  Fixture f;
  f.send(107);
  f.send(100);
  CHECK(f.has(107));
  CHECK(f.has(100));
  for (uint16_t i = 101; i < 107; ++i) f.send(i);
  f.send(100);
  for (int i = 100; i < 108; ++i) CHECK(f.has(i));
}

TEST_CASE("a history has the last packets, and releases older ones") {
  Fixture f;
  f.send(100, 20);
  for (int i = 100; i < 112; ++i) CHECK_FALSE(f.has(i));
  for (int i = 112; i < 120; ++i) CHECK(f.has(i));
  CHECK_FALSE(f.has(120));
  CHECK(f.held() == 8);
}

TEST_CASE("a history continues where the numbers wrap") {
  Fixture f;
  f.send(65'530, 10);
  CHECK_FALSE(f.has(65'531));
  for (int i = 65'532; i < 65'540; ++i) CHECK(f.has(i));
  CHECK_FALSE(f.has(4));
  CHECK(f.held() == 8);
}

TEST_CASE("numbers that were skipped are not found, although their place was used before") {
  Fixture f;
  f.send(100, 8);
  f.send(112);
  for (int i = 100; i < 105; ++i) CHECK_FALSE(f.has(i));
  for (int i = 105; i < 108; ++i) CHECK(f.has(i));
  for (int i = 108; i < 112; ++i) CHECK_FALSE(f.has(i));
  CHECK(f.has(112));
  CHECK(f.held() == 4);
}

TEST_CASE("a packet that is sent late takes its place among the others") {
  Fixture f;
  f.send(100);
  f.send(102);
  f.send(101);
  f.send(98);
  CHECK(f.has(98));
  CHECK_FALSE(f.has(99));
  for (int i = 100; i < 103; ++i) CHECK(f.has(i));
  f.send(103, 3);  // 98 to 105 are eight
  CHECK(f.has(98));
  f.send(106);
  CHECK_FALSE(f.has(98));
  CHECK(f.has(100));
}

TEST_CASE("a packet that is sent late is accepted before the numbers wrap too") {
  Fixture f;
  f.send(1);
  f.send(65'535);
  f.send(0);
  CHECK(f.has(65'535));
  CHECK(f.has(0));
  CHECK(f.has(1));
}

TEST_CASE("a jump in either direction releases all earlier packets") {
  for (const int jump : {16, 1000, 32'767, 32'768, -1000, -9}) {
    CAPTURE(jump);
    Fixture f;
    f.send(100, 8);
    f.send(static_cast<uint16_t>(100 + jump));
    CHECK(f.has(100 + jump));
    for (int i = 100; i < 108; ++i) CHECK_FALSE(f.has(i));
    CHECK(f.held() == 1);
  }
}

TEST_CASE("a number that is used again has only the new content") {
  Fixture f;
  f.send(100, 3);
  SentPacket* sent = f.history.find(101);
  REQUIRE(sent != nullptr);
  sent->resends = 3;
  sent->missed = true;
  f.send(101);
  sent = f.history.find(101);
  REQUIRE(sent != nullptr);
  CHECK(sent->resends == 0);
  CHECK_FALSE(sent->missed);
  CHECK(f.held() == 3);
}

TEST_CASE("packets sent before a time are forgotten, a packet of exactly that time is not") {
  Fixture f;
  for (uint16_t i = 0; i < 5; ++i) f.send(static_cast<uint16_t>(100 + i), kStart + i * 20ms);
  f.history.forget(kStart);
  CHECK(f.held() == 5);
  f.history.forget(kStart + 40ms);
  CHECK_FALSE(f.has(101));
  CHECK(f.has(102));
  CHECK(f.held() == 3);
  f.history.forget(kStart + 40ms);
  CHECK(f.held() == 3);
  f.history.forget(kStart + 81ms);
  CHECK(f.history.empty());
  CHECK(f.held() == 0);
  f.send(105);
  CHECK(f.has(105));
}

TEST_CASE("gaps do not prevent older packets from being forgotten") {
  Fixture f;
  f.send(100, kStart);
  f.send(104, kStart + 20ms);
  f.send(107, kStart + 40ms);
  f.history.forget(kStart + 40ms);
  CHECK(f.held() == 1);
  CHECK(f.has(107));
  f.history.forget(kStart + 1s);
  CHECK(f.history.empty());
}

TEST_CASE("a history that becomes smaller keeps the newest packets, one that becomes larger keeps all") {
  Fixture f;
  f.send(65'532, 8);
  f.history.resize(4);
  for (int i = 65'532; i < 65'536; ++i) CHECK_FALSE(f.has(i));
  for (int i = 65'536; i < 65'540; ++i) CHECK(f.has(i));
  CHECK(f.held() == 4);
  f.history.resize(16);
  for (int i = 65'536; i < 65'540; ++i) CHECK(f.has(i));
  f.send(4, 12);
  for (int i = 0; i < 16; ++i) CHECK(f.has(i));
  f.send(16);
  CHECK_FALSE(f.has(0));
  CHECK(f.held() == 16);
}

TEST_CASE("a change of the size keeps gaps") {
  Fixture f;
  f.send(100);
  f.send(103);
  f.send(106);
  f.history.resize(4);
  CHECK_FALSE(f.has(100));
  CHECK(f.has(103));
  CHECK_FALSE(f.has(104));
  CHECK(f.has(106));
  CHECK(f.held() == 2);
}

TEST_CASE("the same size again changes nothing") {
  Fixture f;
  f.send(100, 8);
  const SentPacket* sent = f.history.find(104);
  f.history.resize(8);
  CHECK(f.history.find(104) == sent);
  CHECK(f.held() == 8);
}

}  // namespace
}  // namespace sluice::repair
