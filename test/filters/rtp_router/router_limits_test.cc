// The limits of what one speaker may send.
#include <doctest/doctest.h>

#include <tuple>

#include "test/filters/rtp_router/router_room.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("a speaker that changes its SSRC with each packet costs the main thread no more than its limit") {
  RouterRoom room;
  auto& alice = room.add("alice", {}, "uplink { packets_per_second: 20 burst_packets: 10 }");
  room.worker.runMain();
  const uint8_t mid[] = {'0'};
  for (uint16_t i = 0; i < 100; ++i) {
    alice.ingress(VoicePacket{.sequence = i, .ssrc = 2000u + i, .extensions = {{4, mid}}}.bytes());
  }
  CHECK(alice.dropped("rtp_router", "uplink_limit") == 90);
  CHECK(room.worker.posted.size() == 10);
  room.clock.advance(1s);
  alice.ingress(VoicePacket{.sequence = 100, .ssrc = 2099}.bytes());  // bound before, beyond the limit
  CHECK(room.worker.posted.size() == 11);
}

TEST_CASE("a speaker's packets beyond its uplink limit reach no receiver") {
  RouterRoom room;
  auto& bob = room.add("bob", {.slots = 1});
  const auto send = [&](ChainHarness& alice, uint16_t first, int count, size_t size) {
    for (int i = 0; i < count; ++i) {
      const auto sequence = static_cast<uint16_t>(first + i);
      alice.ingress(VoicePacket{.sequence = sequence, .payload = std::vector<uint8_t>(size, 0xf8)}.bytes());
    }
  };
  SUBCASE("the packets of a stall of five seconds pass at once, then the limit applies") {
    auto& alice = room.add("alice");
    send(alice, 1, 260, 100);
    CHECK(bob.outer.size() == 250);
    CHECK(alice.dropped("rtp_router", "uplink_limit") == 10);
    room.clock.advance(1s);
    send(alice, 261, 200, 100);
    CHECK(bob.outer.size() == 250 + 120);
  }
  SUBCASE(
      "less of a flood passes than of speech, and a speaker just above the limit gets all that the limit "
      "allows") {
    struct Case {
      int per_second, least, most;
    };
    for (const Case& c : {Case{5'000, 25, 50}, {10'000, 0, 0}, {150, 115, 120}}) {
      CAPTURE(c.per_second);
      RouterRoom quiet;
      auto& receiver = quiet.add("bob", {.slots = 1});
      auto& alice = quiet.add("alice");
      send(alice, 1, 250, 10);
      const size_t before = receiver.outer.size();
      for (int i = 0; i < 4 * c.per_second; ++i) {
        quiet.clock.advance(std::chrono::nanoseconds{1'000'000'000 / c.per_second});
        send(alice, static_cast<uint16_t>(251 + i), 1, 10);
      }
      const size_t through = (receiver.outer.size() - before) / 4;
      CHECK(through >= static_cast<size_t>(c.least));
      CHECK(through <= static_cast<size_t>(c.most));
    }
  }
  SUBCASE("as configured, and after a reload") {
    auto& alice = room.add("alice", {}, "uplink { packets_per_second: 20 burst_packets: 10 }");
    send(alice, 1, 20, 100);
    CHECK(bob.outer.size() == 10);
    alice.reload({{rtp_router::filterType(), "uplink { packets_per_second: 1000 burst_packets: 2000 }"}});
    room.clock.advance(1s);
    send(alice, 21, 1000, 100);
    CHECK(bob.outer.size() == 1010);
  }
  SUBCASE("bytes") {
    auto& alice = room.add("alice", {}, "uplink { bytes_per_second: 1000 burst_bytes: 1500 }");
    send(alice, 1, 20, 150);
    CHECK(bob.outer.size() == 10);
    CHECK(alice.dropped("rtp_router", "uplink_limit") == 10);
  }
}

}  // namespace
}  // namespace sluice
