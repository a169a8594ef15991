#include "source/load/lossy_line.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

namespace sluice::load {
namespace {

using Requests = std::map<uint32_t, std::vector<uint16_t>>;  // by SSRC

constexpr uint32_t kOne = 11;
constexpr uint32_t kTwo = 22;

struct Fixture {
  // Packets of 20 ms, one after another.
  void receive(uint32_t ssrc, const std::vector<uint16_t>& sequences) {
    for (const uint16_t sequence : sequences) {
      rtp::Packet packet{};
      packet.ssrc = ssrc;
      packet.sequence = sequence;
      packet.timestamp = 960u * static_cast<uint32_t>(static_cast<int16_t>(sequence));  // also at the wrap
      line.onPacket(packet, now);
    }
  }
  Requests requestsAfter(Duration by) {
    now += by;
    Requests requests;
    line.requestLost(now, [&](uint32_t ssrc, std::span<const uint16_t> sequences) {
      requests[ssrc] = {sequences.begin(), sequences.end()};
    });
    return requests;
  }

  LossyLine line{10};
  Instant now{1h};
};

TEST_CASE("LossyLine: the share of lost packets is the one configured") {
  const auto lost = [](double percent, int packets) {
    LossyLine line(percent);
    int count = 0;
    for (int i = 0; i < packets; ++i) count += line.loses();
    return count;
  };
  CHECK(lost(0, 1000) == 0);
  CHECK(lost(100, 1000) == 1000);
  // Ten standard deviations around the mean.
  const int quarter = lost(25, 10'000);
  CHECK(quarter > 2067);
  CHECK(quarter < 2933);
}

TEST_CASE("LossyLine: missing packets are requested when they are no longer merely reordered") {
  Fixture f;
  f.receive(kOne, {1, 2, 5});
  CHECK(f.requestsAfter(9ms) == Requests{});
  CHECK(f.requestsAfter(1ms) == Requests{{kOne, {3, 4}}});
  CHECK(f.requestsAfter(1ms) == Requests{});
}

TEST_CASE("LossyLine: a packet that arrives late is not requested") {
  Fixture f;
  f.receive(kOne, {1, 2, 5, 3});
  CHECK(f.requestsAfter(10ms) == Requests{{kOne, {4}}});
}

TEST_CASE("LossyLine: each stream has its own sequence numbers") {
  Fixture f;
  f.receive(kOne, {1, 3});
  f.receive(kTwo, {65'534, 0, 2});
  CHECK(f.requestsAfter(10ms) == Requests{{kOne, {2}}, {kTwo, {65'535, 1}}});
}

TEST_CASE("LossyLine: a packet is requested at most three times, and not after a retransmission") {
  Fixture f;
  f.receive(kOne, {1, 3});
  f.receive(kTwo, {1, 3});
  std::map<uint32_t, int> requests;
  for (int ms = 0; ms < 300; ++ms) {
    for (const auto& [ssrc, sequences] : f.requestsAfter(1ms)) {
      CHECK(sequences == std::vector<uint16_t>{2});
      ++requests[ssrc];
    }
    if (requests[kTwo] == 1) f.receive(kTwo, {2});
  }
  CHECK(requests[kOne] == 3);
  CHECK(requests[kTwo] == 1);
}

}  // namespace
}  // namespace sluice::load
