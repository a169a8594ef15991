// Bad lines over minutes: nothing is sent too late, and no player is affected by another player's line.
#include <random>

#include "test/filters/repair/repair_room.h"

namespace sluice {
namespace {

using namespace test;

// A receiver on a line with random loss that requests missing packets once per round trip, up to ten times,
// as libwebrtc does.
struct LossyListener {
  Room room;
  Duration round_trip;
  double loss;
  std::mt19937 random;
  struct Sent {
    Instant first;
    Instant request_at = Instant::max();  // when the next request arrives
    unsigned requests = 0;
  };
  std::map<uint16_t, Sent> sent;
  std::map<uint16_t, Instant> spoken;  // by frame
  Duration latest{};                   // when a packet was retransmitted, after it was first sent
  size_t read = 0;                     // of room.receiver.outer

  LossyListener(Agreed agreed, const std::string& config, Duration rtt, double lost, unsigned seed)
      : room(agreed, config.c_str()), round_trip(rtt), loss(lost), random(seed) {
    room.receiver.session.known_player->line.onRoundTrip(
        std::chrono::microseconds{static_cast<uint32_t>(rtt / 1us)});
  }
  bool arrives() { return std::uniform_real_distribution<>(0, 1)(random) >= loss; }

  void look() {
    const Instant now = room.clock.now();
    for (; read < room.receiver.outer.size(); ++read) {
      if (room.receiver.outer[read].kind != PacketKind::kRtp) continue;
      const auto packet = asRtp(room.receiver.outer[read]);
      const bool rtx = packet.payload_type == kRtx;
      const auto [at, fresh] = sent.try_emplace(rtx ? readU16(packet.payload.data()) : packet.sequence);
      if (fresh) at->second.first = spoken[readU16(packet.payload.data() + 1)];
      CHECK(fresh != rtx);
      if (!fresh) latest = std::max(latest, now - at->second.first);
      if (arrives()) {
        at->second.request_at = Instant::max();
      } else if (fresh) {
        at->second.request_at = now + round_trip + 20ms;  // the next packet reveals that it is missing
      }
    }
  }
  void request() {
    for (auto& [sequence, packet] : sent) {
      if (packet.request_at > room.clock.now()) continue;
      packet.request_at =
          ++packet.requests == 10 ? Instant::max() : packet.request_at + std::max<Duration>(round_trip, 20ms);
      room.request({sequence});
      look();
    }
  }
  void run(int frames) {
    for (int i = 0; i < frames; ++i) {
      spoken[room.next] = room.clock.now();
      room.speak(room.next++);
      look();
      for (int j = 0; j < 4; ++j) {
        room.wait(5ms);
        look();
        request();
      }
      std::erase_if(sent, [&](const auto& entry) { return room.clock.now() - entry.second.first > 10s; });
    }
  }
};

TEST_CASE("whatever the line loses, no packet is retransmitted that would arrive too late") {
  uint64_t resent = 0;
  uint64_t late = 0;
  unsigned seed = 0;
  for (const Duration budget : {Duration{60ms}, Duration{200ms}, Duration{1s}}) {
    for (const Duration round_trip : {Duration{10ms}, Duration{60ms}, Duration{250ms}}) {
      for (const double loss : {0.05, 0.5}) {
        const std::string config = "downlink { max_overhead_percent: 300 max_resends: 10 budget_ms: " +
                                   std::to_string(budget / 1ms) + " }";
        LossyListener line({.rtx = true}, config, round_trip, loss, ++seed);
        line.run(1'500);
        CAPTURE(budget / 1ms);
        CAPTURE(round_trip / 1ms);
        CHECK(line.latest <= budget);
        resent += line.room.receiver.counted("repair", "resent", "rtx");
        late += line.room.receiver.counted("repair", "refused", "late");
      }
    }
  }
  CHECK(resent > 1'000);
  CHECK(late > 1'000);
}

TEST_CASE("with a pacer that has a backlog, no packet is retransmitted that would arrive too late") {
  // 50 packets a second of 18 bytes are 7200 bit/s, and the same again for retransmissions.
  uint64_t resent = 0;
  uint64_t dropped = 0;
  for (const Duration budget : {Duration{60ms}, Duration{200ms}}) {
    for (const Duration round_trip : {Duration{10ms}, Duration{60ms}}) {
      const std::string config =
          "downlink { max_overhead_percent: 300 max_resends: 10 budget_ms: " + std::to_string(budget / 1ms) +
          " }";
      LossyListener line({.rtx = true, .pacer = "rate_bps: 10000 burst_bytes: 256 max_delay_ms: 1000"},
                         config, round_trip, 0.3, 1);
      line.run(1'500);
      CAPTURE(budget / 1ms);
      CAPTURE(round_trip / 1ms);
      CHECK(line.latest <= budget);
      resent += line.room.receiver.counted("repair", "resent", "rtx");
      dropped += line.room.receiver.dropped("pacer", "past_deadline");
    }
  }
  CHECK(dropped > 100);
  CHECK(resent > dropped);
}

TEST_CASE("a receiver that loses half and requests without end takes nothing from the others") {
  Room room;
  std::vector<ChainHarness*> others;
  for (int i = 0; i < 8; ++i) others.push_back(&room.add("other" + std::to_string(i), {}));
  std::mt19937 random(1);
  std::vector<uint16_t> lacks;
  size_t voice = 0;
  size_t repeated = 0;
  for (size_t i = 0; i < 3'000; ++i) {
    room.speak(room.next++);
    // In the same instant: no player waits for another.
    for (ChainHarness* other : others) {
      CHECK(bytes(asRtp(other->outer.back()).payload) == frame(static_cast<uint16_t>(room.next - 1)));
      other->outer.clear();
    }
    const auto packet = received(room);
    voice += room.receiver.outer.back().data.size();
    if (random() % 2 == 0) lacks.push_back(packet.sequence);
    if (lacks.size() > 128) lacks.erase(lacks.begin());
    room.receiver.outer.clear();
    for (int j = 0; j < 4; ++j) {
      room.request(lacks);
      room.wait(5ms);
    }
    if (i % 50 == 0) {
      room.receiver.ingress(compound([&](rtcp::Writer& w) {
        const rtcp::ReportBlock block{.ssrc = room.slot(), .fraction_lost = 128};
        w.addReceiverReport(1, {&block, 1});
      }));
    }
    for (const Captured& out : room.receiver.outer)
      repeated += out.kind == PacketKind::kRtp ? out.data.size() : 0;
    room.receiver.outer.clear();
    for (ChainHarness* other : others) other->outer.clear();
  }
  CHECK(room.receiver.counted("repair", "asked") > 1'000'000);
  CHECK(repeated <= voice * 35 / 100 + 3'000);
  CHECK(room.held() <= 20);  // the speaker's last frame, once for all
  for (const ChainHarness* other : others) {
    CHECK(other->counted("rtp_router", "voice_out") == 3'000);
    CHECK(other->dropped("rtp_router", "no_packet") == 0);
    CHECK(other->dropped("rtp_router", "late") == 0);
    CHECK(other->counted("repair", "resent", "original") == 0);
  }
  // Nor is it reported to the speaker as the loss of all receivers.
  CHECK(std::stod(described(room.speaker, "room.loss_percent")) == 0);
}

}  // namespace
}  // namespace sluice
