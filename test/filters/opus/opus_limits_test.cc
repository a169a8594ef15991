// Limits: a sender cannot make the opus filter do more work than its audio is worth, and neither a sender nor
// a reload can make it send a second packet under a number that SRTP has used.
#include <map>

#include "test/filters/opus/opus_fixture.h"
#include "test/support/allocations.h"

namespace sluice {
namespace {

using Fixture = test::OpusFixture;
using namespace test;

// Forty packets are missing before each packet of 2.5 ms.
Payload shortFrame() {
  Payload payload(8, 0x55);
  payload[0] = 28 << 3;  // CELT, fullband, 2.5 ms
  return payload;
}

// How many numbers of a stream had two packets.
size_t usedTwice(const std::vector<Captured>& out) {
  std::map<std::pair<uint32_t, uint16_t>, std::vector<uint8_t>> seen;
  size_t twice = 0;
  for (const Captured& packet : out) {
    const auto rtp = *rtp::parse(packet.data);
    const auto [it, fresh] = seen.emplace(std::pair(rtp.ssrc, rtp.sequence), packet.data);
    twice += !fresh && it->second != packet.data;
  }
  return twice;
}

// A distant receiver, for which TRANSCODE creates two packets from one.
struct Receiver : Fixture {
  explicit Receiver(const std::string& config) : Fixture(config) {
    chain.session.known_player = makePlayer({0x5107});
    chain.session.known_player->line.onRoundTrip(std::chrono::microseconds{150'000});
  }
  void send(size_t i, Bytes payload, uint32_t shift = 0) {
    chain.egress(rtpPacket(static_cast<uint16_t>(1000 + i), static_cast<uint32_t>(i * 960) + shift, payload,
                           0x5107, 97));
    advance(20ms);
  }
  uint16_t reserved() {
    rooms::SlotSequence& sequence = chain.session.known_player->slot_sequences[0];
    const uint16_t numbers = sequence.takeReserved();
    sequence.reserve(numbers);
    return numbers;
  }
};

TEST_CASE("a session allocates codecs with its first voice packet, not when it opens") {
  countAllocations(true);
  const uint64_t before = allocatedBytes();
  Fixture f("ingress { mode: TRANSCODE max_streams: 64 } egress { mode: TRANSCODE max_streams: 64 }");
  f.chain.chain();
  const uint64_t opened = allocatedBytes() - before;
  f.chain.ingress(rtpPacket(1, 960, shortFrame()));
  const uint64_t spoke = allocatedBytes() - before;
  countAllocations(false);
  CHECK(opened < 2'000'000);  // the fixture's worker has its packets in it
  CHECK(spoke > opened + 50'000);
}

TEST_CASE("TRANSCODE codes at most twice the elapsed time, gaps included") {
  const auto payloads = encode(voiceSignal(2, 120), {.frame_ms = 10});
  Fixture f("ingress { mode: TRANSCODE jitter_buffer { min_frames: 16 max_frames: 16 } }");
  for (size_t i = 0; i < 2000; ++i) {
    const size_t number = i * 11;  // ten are missing before each
    f.chain.ingress(rtpPacket(static_cast<uint16_t>(number), static_cast<uint32_t>(number * 480),
                              payloads[i % payloads.size()]));
    if (i % 2 == 1) f.advance(1ms);
  }
  CHECK(f.counted("transcoded") * 20 <= 4'500);  // two seconds at once and two more
  CHECK(f.dropped("over_rate") > 0);
}

TEST_CASE("CONCEAL creates at most twice the elapsed time from nothing") {
  Fixture f("ingress { mode: CONCEAL jitter_buffer { min_frames: 48 max_frames: 48 } }");
  for (size_t i = 0; i < 1000; ++i) {
    const size_t number = i * 41;
    f.chain.ingress(
        rtpPacket(static_cast<uint16_t>(number), static_cast<uint32_t>(number * 120), shortFrame()));
    f.advance(1ms);
  }
  CHECK(f.counted("concealed", "plc") <= 4 * 48'000 / 120);
}

TEST_CASE("after TRANSCODE the stream continues with numbers after the used ones") {
  const auto payloads = encode(voiceSignal(4, 120), {});
  Receiver f("egress { mode: TRANSCODE }");
  for (size_t i = 0; i < 100; ++i) f.send(i, payloads[i]);
  SUBCASE("the filter is removed") {
    f.chain.reload({});
  }
  SUBCASE("its stage is removed") {
    f.chain.reload({{opus_filter::filterType(), "ingress {}"}});
    f.send(99, {});  // whatever arrives next
  }
  f.advance(1s);
  const auto highest = rtp::parse(f.chain.outer.back().data)->sequence;
  CHECK(f.reserved() > 50);
  // The router leaves them out: see the tests of rtp_router.
  CHECK(static_cast<uint16_t>(1000 + 99 + f.reserved()) >= highest);
}

TEST_CASE("after TRANSCODE, CONCEAL continues the numbers, also when the sender's clock jumps") {
  const auto payloads = encode(voiceSignal(8, 120), {});
  Receiver f("egress { mode: TRANSCODE }");
  for (size_t i = 0; i < 100; ++i) f.send(i, payloads[i]);
  f.chain.reload({{opus_filter::filterType(), "egress { mode: CONCEAL }"}});
  for (size_t i = 100; i < 150; ++i) f.send(i, payloads[i]);
  for (size_t i = 150; i < 250; ++i) f.send(i, payloads[i], 48'000 * 20);
  f.advance(1s);
  CHECK(usedTwice(f.chain.outer) == 0);
}

}  // namespace
}  // namespace sluice
