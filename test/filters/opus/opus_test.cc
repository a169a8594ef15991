#include <random>

#include "source/codec/sequence.h"
#include "test/filters/opus/opus_fixture.h"

namespace sluice {
namespace {

using namespace test;
using Fixture = OpusFixture;

TEST_CASE("REORDER passes packets unchanged, in order, at an even pace") {
  for (const char* config : {"ingress {}", "ingress { mode: CONCEAL }"}) {
    Fixture f(config);
    std::vector<Payload> payloads = encode(voiceSignal(4, 120), {});
    payloads[7] = {0xFB, 0x41, 4, 1, 2, 3, 9, 8, 7, 6};  // with padding, which may hold DRED
    std::vector<std::pair<int, size_t>> arrivals;        // ms
    std::mt19937 random(1);
    for (size_t i = 0; i < payloads.size(); ++i) arrivals.emplace_back(i * 20 + random() % 60, i);
    std::sort(arrivals.begin(), arrivals.end());
    size_t next = 0;
    for (int ms = 0; ms < 6000; ++ms) {
      while (next < arrivals.size() && arrivals[next].first == ms) {
        const size_t i = arrivals[next++].second;
        f.chain.ingress(f.packet(i, payloads[i]));
      }
      f.advance(1ms);
    }
    REQUIRE(f.chain.inner.size() == payloads.size());
    for (size_t i = 0; i < payloads.size(); ++i) CHECK(f.chain.inner[i].data == f.packet(i, payloads[i]));
    CHECK(f.counted("concealed", "plc") + f.counted("missing") == 0);
  }
}

TEST_CASE("packets wait for the playout delay") {
  Fixture f("ingress { playout_delay { floor_ms: 50 ceiling_ms: 50 } }");
  const auto payloads = encode(voiceSignal(0.2, 120), {});
  f.chain.ingress(f.packet(0, payloads[0]));
  f.advance(49ms);
  CHECK(f.chain.inner.empty());
  f.advance(1ms);
  CHECK(f.chain.inner.size() == 1);
  CHECK(f.chain.stats("opus").histograms[0].sumNs() == 50'000'000);
}

TEST_CASE("packets other than the session's Opus pass at once and unchanged") {
  Fixture f("ingress { mode: CONCEAL } egress { mode: CONCEAL }");
  const uint8_t voice[] = {0x48, 1, 2, 3};
  const std::vector<Payload> others = {
      rtpPacket(1, 0, voice, kSsrc, 63),                                 // another payload type
      rtpPacket(2, 0, {}, kSsrc),                                        // empty
      {0xB0, 111, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 1},                      // RTP that is cut short
      {0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,  // RTCP
       0,    0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
      {22, 254, 253, 1},  // DTLS
  };
  for (const Payload& other : others) f.chain.ingress(other);
  REQUIRE(f.chain.inner.size() == others.size());
  for (size_t i = 0; i < others.size(); ++i) CHECK(f.chain.inner[i].data == others[i]);
  f.chain.egress(others[3], PacketKind::kRtcp);
  f.chain.egress(others[0]);
  CHECK(f.chain.outer.size() == 2);
}

TEST_CASE("the payload type is the negotiated one, and each slot's own towards the client") {
  Fixture f("ingress {} egress {} payload_type: 100");
  const uint8_t voice[] = {0x48, 1, 2, 3};
  SUBCASE("with a player") {
    f.chain.session.known_player = makePlayer({7, 8});
    f.chain.ingress(rtpPacket(1, 0, voice, kSsrc, 100));
    CHECK(f.chain.inner.size() == 1);
    f.chain.ingress(rtpPacket(1, 0, voice, kSsrc, 96));
    CHECK(f.chain.inner.size() == 1);
    f.chain.egress(rtpPacket(1, 0, voice, 9, 97));  // no slot
    CHECK(f.chain.outer.size() == 1);
    f.chain.egress(rtpPacket(1, 0, voice, 7, 97));
    f.chain.egress(rtpPacket(1, 0, voice, 8, 97));
    CHECK(f.chain.outer.size() == 1);
    CHECK(f.described("egress_streams") == "2");
    f.advance(100ms);
    CHECK(f.chain.inner.size() == 2);
    CHECK(f.chain.outer.size() == 3);
    CHECK(f.counted("streams") == 3);
  }
  SUBCASE("a player that only listens sends no Opus") {
    auto player = makePlayer();
    rooms::Negotiated listens;
    f.chain.session.known_player = std::make_shared<rooms::Player>(player->room, "b", listens);
    f.chain.ingress(rtpPacket(1, 0, voice, kSsrc, 111));
    CHECK(f.chain.inner.size() == 1);
  }
  SUBCASE("without a player") {
    f.chain.ingress(rtpPacket(1, 0, voice, kSsrc, 111));
    CHECK(f.chain.inner.size() == 1);
    f.chain.ingress(rtpPacket(1, 0, voice, kSsrc, 100));
    CHECK(f.chain.inner.size() == 1);
  }
}

TEST_CASE("late, duplicate, stale, stray, undecodable and foreign packets are dropped") {
  const auto payloads = encode(voiceSignal(1, 120), {});
  Fixture f("ingress { playout_delay { ceiling_ms: 40 } max_streams: 2 }");
  f.chain.ingress(f.packet(0, payloads[0]));
  f.chain.ingress(f.packet(0, payloads[0]));
  CHECK(f.dropped("duplicate") == 1);
  f.chain.ingress(f.packet(2, payloads[2]));
  f.advance(200ms);
  CHECK(f.counted("missing") == 1);
  f.chain.ingress(f.packet(1, payloads[1]));
  CHECK(f.dropped("late") == 1);
  f.chain.ingress(
      rtpPacket(static_cast<uint16_t>(f.first_sequence + 3), f.first_timestamp + 2 * 960, payloads[3]));
  f.advance(200ms);
  CHECK(f.dropped("stale") == 1);
  f.chain.ingress(rtpPacket(20'000, 0, payloads[3]));
  CHECK(f.dropped("stray") == 1);
  const uint8_t nonsense[] = {0xFF, 0x00};
  f.chain.ingress(f.packet(4, nonsense));
  CHECK(f.dropped("undecodable") == 1);
  CHECK(f.chain.inner.size() == 2);

  Fixture t("ingress { mode: TRANSCODE }");
  t.chain.ingress(t.packet(0, payloads[0]));
  t.chain.ingress(rtpPacket(static_cast<uint16_t>(t.first_sequence + 1), 0, payloads[0], kSsrc, 101));
  CHECK(t.dropped("foreign") == 1);
}

TEST_CASE("random lines: every packet is accounted for, numbers and timestamps increase, in every mode") {
  const auto payloads = encode(voiceSignal(4, 120), kWithLbrr);
  const char* const modes[] = {"REORDER", "CONCEAL", "TRANSCODE"};
  for (unsigned seed = 0; seed < 12; ++seed) {
    const std::string mode = modes[seed % 3];
    CAPTURE(mode);
    CAPTURE(seed);
    std::mt19937 random(seed);
    Fixture f("ingress { mode: " + mode + " jitter_buffer { min_frames: 8 } }");
    std::vector<std::pair<int, size_t>> arrivals;  // ms
    for (size_t i = 0; i < payloads.size(); ++i) {
      if (random() % 10 < seed % 4) continue;
      for (unsigned copies = random() % 10 == 0 ? 2 : 1; copies > 0; --copies) {
        arrivals.emplace_back(static_cast<int>(i * 20 + random() % (1 + 15 * seed)), i);
      }
    }
    std::sort(arrivals.begin(), arrivals.end());
    size_t next = 0;
    for (int ms = 0; ms < 6000; ++ms) {
      for (; next < arrivals.size() && arrivals[next].first == ms; ++next) {
        const size_t i = arrivals[next].second;
        f.chain.ingress(f.packet(i, payloads[i]));
      }
      f.advance(1ms);
    }
    uint64_t dropped = 0;
    for (const stats::Counter& reason : f.chain.stats("opus").drops) dropped += reason.value();
    const uint64_t filled = f.counted("concealed", "lbrr") + f.counted("concealed", "plc");
    const uint64_t passed = f.chain.inner.size();
    if (mode == "REORDER") CHECK(passed + dropped == arrivals.size());
    if (mode == "CONCEAL") CHECK(passed + dropped == arrivals.size() + filled);
    if (mode == "TRANSCODE") CHECK(passed == f.counted("transcoded"));
    for (size_t i = 1; i < f.chain.inner.size(); ++i) {
      CHECK(rtp::sequenceDistance(f.out(i - 1).sequence, f.out(i).sequence) > 0);
      CHECK(static_cast<int32_t>(f.out(i).timestamp - f.out(i - 1).timestamp) > 0);
    }
    f.chain.closeChain();
    CHECK(f.worker.pool().unaccounted() == 0);
  }
}

TEST_CASE("a burst that does not fit releases the earliest packets before their time, and loses none") {
  Fixture f("ingress { jitter_buffer { min_frames: 8 max_frames: 8 } }");
  const auto payloads = encode(voiceSignal(1, 120), {});
  for (size_t i = 0; i < 20; ++i) f.chain.ingress(f.packet(i, payloads[i]));
  CHECK(f.chain.inner.size() == 12);
  CHECK(f.counted("overflow") == 12);
  f.advance(1s);
  REQUIRE(f.chain.inner.size() == 20);
  for (size_t i = 0; i < 20; ++i) CHECK(f.chain.inner[i].data == f.packet(i, payloads[i]));
}

TEST_CASE("a sender that restarts is followed") {
  Fixture f("ingress { mode: CONCEAL }");
  const auto payloads = encode(voiceSignal(1, 130), {});
  for (size_t i = 0; i < 10; ++i) f.chain.ingress(f.packet(i, payloads[i]));
  SUBCASE("with other numbers") {
    for (uint16_t i = 0; i < 10; ++i)
      f.chain.ingress(rtpPacket(static_cast<uint16_t>(30'000 + i), i * 960u, payloads[i]));
    f.advance(1s);
    CHECK(f.chain.inner.size() == 19);
    CHECK(f.dropped("stray") == 1);
  }
  SUBCASE("with another clock") {
    for (uint16_t i = 10; i < 20; ++i)
      f.chain.ingress(
          rtpPacket(static_cast<uint16_t>(f.first_sequence + i), 0x40000000u + i * 960u, payloads[i]));
    f.advance(1s);
    CHECK(f.chain.inner.size() == 20);
  }
  SUBCASE("with another SSRC") {
    for (uint16_t i = 0; i < 10; ++i) f.chain.ingress(rtpPacket(i, i * 960u, payloads[i], 99));
    f.advance(1s);
    CHECK(f.chain.inner.size() == 20);
    CHECK(f.counted("streams_taken") == 1);
  }
  CHECK(f.counted("streams") == 2);
}

TEST_CASE("BYE is passed on after the packets that are held") {
  Fixture f("ingress {}");
  const auto payloads = encode(voiceSignal(0.2, 130), {});
  f.chain.ingress(f.packet(0, payloads[0]));
  f.chain.ingress(Payload{0x81, 203, 0, 1, 0, 0, 0x12, 0x34});
  REQUIRE(f.chain.inner.size() == 2);
  CHECK(f.chain.inner[1].kind == PacketKind::kRtcp);
}

TEST_CASE("a reload changes parameters and mode during the call and loses nothing") {
  const auto payloads = encode(voiceSignal(2, 130), {});
  Fixture f("ingress {}");
  for (size_t i = 0; i < 5; ++i) f.chain.ingress(f.packet(i, payloads[i]));
  const auto reload = [&](const std::string& config) {
    f.chain.reload({{opus_filter::filterType(), config}});
  };
  SUBCASE("to CONCEAL and back, with another delay") {
    reload("ingress { mode: CONCEAL playout_delay { floor_ms: 200 ceiling_ms: 200 } }");
    CHECK(f.described("ingress_mode") == "CONCEAL");
    for (size_t i = 6; i < 10; ++i) f.chain.ingress(f.packet(i, payloads[i]));
    CHECK(f.described("ingress_delay_ms") == "200");
    f.advance(1s);
    CHECK(f.chain.inner.size() == 10);
    CHECK(f.counted("concealed", "plc") == 1);
  }
  SUBCASE("through TRANSCODE, without a gap in the numbers") {
    reload("ingress { mode: TRANSCODE }");
    f.advance(100ms);
    for (size_t i = 5; i < 10; ++i) f.chain.ingress(f.packet(i, payloads[i]));
    f.advance(300ms);
    CHECK(f.counted("transcoded") == 10);
    reload("ingress { mode: CONCEAL }");
    for (size_t i = 10; i < 20; ++i) f.chain.ingress(f.packet(i, payloads[i]));
    f.advance(1s);
    CHECK(f.chain.inner.size() == 20);
    for (size_t i = 0; i < 20; ++i) CHECK(f.out(i).sequence == static_cast<uint16_t>(f.first_sequence + i));
  }
  SUBCASE("to the other direction") {
    reload("egress {}");
    CHECK(f.chain.inner.empty());
    SUBCASE("the timer empties the buffer") {
      f.advance(1ms);
    }
    SUBCASE("the next packet empties the buffer") {
      f.chain.ingress(f.packet(5, payloads[5]));
      CHECK(f.chain.inner.size() == 6);
    }
    CHECK(f.chain.inner.size() >= 5);
  }
  SUBCASE("out of the chain") {
    f.chain.reload({});
    CHECK(f.chain.inner.size() == 5);
  }
  SUBCASE("the session ends") {
    f.chain.closeChain();
    CHECK(f.chain.inner.size() == 5);
  }
  f.chain.closeChain();
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("streams above max_streams replace one another") {
  Fixture f("ingress { max_streams: 2 }");
  const uint8_t voice[] = {0x48, 1, 2, 3};
  for (const uint32_t ssrc : {1u, 2u, 3u, 2u}) {
    f.chain.ingress(rtpPacket(1, 0, voice, ssrc));
    f.advance(1ms);
  }
  CHECK(f.counted("streams_taken") == 1);
  CHECK(f.chain.inner.size() == 1);  // that of the first
  f.advance(1s);
  CHECK(f.chain.inner.size() == 3);
  CHECK(f.dropped("duplicate") == 1);
}

TEST_CASE("errors in the configuration are named") {
  struct Case {
    const char* text;
    const char* path;
  };
  const Case cases[] = {
      {"", "ingress"},
      {"ingress { mode: 7 }", "ingress.mode"},
      {"egress { jitter_buffer { min_frames: 1 } }", "egress.jitter_buffer.min_frames"},
      {"ingress { jitter_buffer { max_frames: 16 } }", "ingress.jitter_buffer.max_frames"},
      {"ingress { jitter_buffer { growth: 1 } }", "ingress.jitter_buffer.growth"},
      {"ingress { playout_delay { ceiling_ms: 5 } }", "ingress.playout_delay.ceiling_ms"},
      {"ingress { playout_delay { quantile: 1 } }", "ingress.playout_delay.quantile"},
      {"ingress { adaptation { rtt_low_ms: 90 } }", "ingress.adaptation.rtt_low_ms"},
      {"ingress { adaptation { loss_high_percent: 101 } }", "ingress.adaptation.loss_high_percent"},
      {"ingress { max_streams: 65 }", "ingress.max_streams"},
      {"ingress { max_concealed_ms: 2000 }", "ingress.max_concealed_ms"},
      {"ingress {} payload_type: 128", "payload_type"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const Errors errors = errorsOf({opus_filter::filterType(), c.text});
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].path == c.path);
  }
}

}  // namespace
}  // namespace sluice
