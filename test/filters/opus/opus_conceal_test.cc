#include <random>

#include "source/codec/opus_toc.h"
#include "source/codec/rtcp.h"
#include "test/filters/opus/opus_fixture.h"

namespace sluice {
namespace {

using namespace test;
using Fixture = OpusFixture;

TEST_CASE("a client that sends much faster than real time is not decoded as fast") {
  const auto payloads = encode(voiceSignal(8, 120), kWithLbrr);
  Fixture f("ingress { mode: TRANSCODE jitter_buffer { min_frames: 4 max_frames: 4 } }");
  for (size_t i = 0; i < 200; ++i) f.chain.ingress(f.packet(i, payloads[i]));  // 4 s at once
  f.advance(1s);
  CHECK(f.dropped("over_rate") > 50);
  CHECK(f.counted("transcoded") >= 100);  // 2 s at once, and what the next second allows

  Fixture c("ingress { mode: CONCEAL jitter_buffer { min_frames: 4 max_frames: 4 } }");
  for (size_t i = 0; i < 400; i += 2) c.chain.ingress(c.packet(i, payloads[i]));
  c.advance(1s);
  CHECK(c.counted("concealed", "lbrr") > 80);
  CHECK(c.counted("concealed", "plc") > 50);
  CHECK(c.chain.inner.size() == 399);
}

TEST_CASE("opus: an exhausted packet pool leaves the gap") {
  Fixture f("ingress { mode: CONCEAL }");
  const auto payloads = encode(voiceSignal(0.2, 120), {});
  for (const size_t i : {0, 1, 3}) f.chain.ingress(f.packet(i, payloads[i]));
  while (f.chain.inner.size() < 2) f.advance(1ms);
  std::vector<net::PacketPtr> all;
  while (auto packet = f.worker.pool().acquire()) all.push_back(std::move(packet));
  f.advance(1s);
  CHECK(f.dropped("no_packet") == 1);
  CHECK(f.counted("missing") == 1);
  CHECK(f.chain.inner.size() == 3);
  for (auto& packet : all) packet->settle();
}

TEST_CASE("CONCEAL fills missing sequence numbers, and is better than concealment with LBRR") {
  const auto payloads = encode(voiceSignal(10, 130), kWithLbrr);
  auto lossy = payloads;
  std::mt19937 random(2);
  for (size_t i = 10; i + 10 < lossy.size(); ++i) {
    if (random() % 10 == 0) lossy[i].clear();
  }
  const auto play = [&](const char* config) {
    auto f = std::make_unique<Fixture>(config);
    f->play(lossy);
    return f;
  };
  const auto reordered = play("ingress {}");
  const auto concealed = play("ingress { mode: CONCEAL }");
  REQUIRE(concealed->chain.inner.size() == payloads.size());
  for (size_t i = 0; i < payloads.size(); ++i) {
    const auto packet = concealed->out(i);
    CHECK(packet.sequence == static_cast<uint16_t>(concealed->first_sequence + i));
    CHECK(packet.timestamp == concealed->first_timestamp + static_cast<uint32_t>(i * 960));
    CHECK(packet.findExtension(1));
    if (!lossy[i].empty()) CHECK(concealed->chain.inner[i].data == concealed->packet(i, payloads[i]));
  }
  const uint64_t lost = payloads.size() - reordered->chain.inner.size();
  CHECK(reordered->counted("missing") == lost);
  CHECK(concealed->counted("concealed", "lbrr") + concealed->counted("concealed", "plc") == lost);
  CHECK(concealed->counted("concealed", "lbrr") > lost / 2);

  const auto hear = [&](const Fixture& f) {
    return listen(f.chain.inner, f.first_timestamp, payloads.size());
  };
  Fixture clean("ingress {}");
  clean.play(payloads);
  const auto reference = hear(clean);
  const double plc = logSpectralDistance(reference, hear(*reordered));
  const double ours = logSpectralDistance(reference, hear(*concealed));
  MESSAGE("PLC " << plc << " dB, CONCEAL " << ours << " dB");
  CHECK(ours < plc - 0.1);
}

TEST_CASE("CONCEAL without LBRR equals libopus' concealment bit by bit") {
  auto lossy = encode(voiceSignal(4, 130), {});
  for (size_t i = 10; i < lossy.size(); i += 7) lossy[i].clear();
  lossy[18].clear();
  lossy[19].clear();
  Fixture reordered("ingress {}");
  Fixture concealed("ingress { mode: CONCEAL }");
  reordered.play(lossy);
  concealed.play(lossy);
  CHECK(concealed.chain.inner.size() > reordered.chain.inner.size());
  CHECK(listen(concealed.chain.inner, concealed.first_timestamp, lossy.size()) ==
        listen(reordered.chain.inner, reordered.first_timestamp, lossy.size()));
}

TEST_CASE("a long gap stays a gap after max_concealed_ms; its end is still rebuilt") {
  Fixture f("ingress { mode: CONCEAL max_concealed_ms: 60 }");
  auto payloads = encode(voiceSignal(2, 130), kWithLbrr);
  std::fill(payloads.begin() + 20, payloads.begin() + 30, Payload{});
  f.play(payloads);
  CHECK(f.counted("concealed", "plc") == 3);
  CHECK(f.counted("concealed", "lbrr") == 1);
  CHECK(f.counted("missing") == 6);
}

TEST_CASE("CONCEAL does not fill silence") {
  for (const char* config : {"ingress { mode: CONCEAL }", "ingress { mode: TRANSCODE }"}) {
    Fixture f(config);
    const auto payloads = encode(voiceSignal(1, 130), {});
    for (uint16_t i = 0; i < 20; ++i) {
      f.chain.ingress(rtpPacket(i, i * 20u * 960u, payloads[i]));
      f.advance(400ms);
    }
    f.advance(1s);
    CHECK(f.chain.inner.size() == 20);
    CHECK(f.out(19).timestamp - f.out(0).timestamp == 19 * 20 * 960);
    CHECK(f.out(19).sequence == 19);
    CHECK(f.counted("concealed", "plc") + f.counted("concealed", "lbrr") == 0);
  }
}

// Speech with discontinuous transmission: talkspurts of five packets, the last of which begins a pause of 400
// ms.
struct SpurtFixture : Fixture {
  std::vector<Payload> speech = encode(voiceSignal(2, 130), {});
  uint16_t sequence = 0;
  uint32_t timestamp = 0;

  using Fixture::Fixture;
  void say(Bytes payload, bool lost = false) {
    if (!lost) chain.ingress(rtpPacket(sequence, timestamp, payload));
    ++sequence;
    timestamp += 960;
    advance(20ms);
  }
  void talkspurt(bool lose_last, Duration pause = 400ms) {
    for (int i = 0; i < 4; ++i) say(speech[sequence % speech.size()]);
    const uint8_t dtx[] = {speech[0][0]};
    say(dtx, lose_last);
    timestamp += static_cast<uint32_t>(pause / 1ms * 48);
    advance(pause);
  }
};

TEST_CASE("CONCEAL creates the packet that begins a pause, if nothing else follows") {
  SpurtFixture f("ingress { mode: CONCEAL }");
  f.talkspurt(false);
  CHECK(f.chain.inner.size() == 5);
  f.talkspurt(true);
  REQUIRE(f.chain.inner.size() == 10);
  const auto made = f.out(9);
  CHECK(made.sequence == 9);
  CHECK(made.timestamp == f.out(8).timestamp + 3 * 960);  // no earlier than it is sent
  CHECK(made.payload_type == kOpus);
  CHECK(opus::isDtx(made.payload));
  CHECK(opus::parse(made.payload)->samples() == 960);
  CHECK(f.counted("concealed", "dtx") == 1);
  f.talkspurt(false);
  CHECK(f.chain.inner.size() == 15);
  CHECK(f.counted("missing") + f.counted("concealed", "plc") + f.counted("concealed", "lbrr") == 0);
  f.chain.closeChain();
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("CONCEAL creates no pause in a stream that has ended") {
  SpurtFixture f("ingress { mode: CONCEAL }");
  f.talkspurt(false);
  for (int i = 0; i < 4; ++i) f.say(f.speech[i]);
  uint8_t buffer[64];
  rtcp::Writer writer(buffer);
  writer.addReceiverReport(kSsrc, {});
  writer.addBye(kSsrc);
  f.chain.ingress(Bytes(buffer, *writer.finish()));
  const size_t before = f.chain.inner.size();
  f.advance(1s);
  CHECK(f.chain.inner.size() == before);
  CHECK(f.counted("concealed", "dtx") == 0);
}

TEST_CASE("a stall counts as a pause only after two frames, and the packet that it delayed is late") {
  SpurtFixture f("ingress { mode: CONCEAL }");
  f.talkspurt(false);
  for (int i = 0; i < 3; ++i) f.say(f.speech[i]);
  f.advance(20ms);
  f.say(f.speech[3]);
  CHECK(f.counted("concealed", "dtx") == 0);
  f.advance(200ms);
  CHECK(f.counted("concealed", "dtx") == 1);
  const size_t before = f.chain.inner.size();
  for (int i = 4; i < 14; ++i) f.say(f.speech[i]);
  CHECK(f.dropped("late") + f.dropped("stale") <= 3);
  CHECK(f.chain.inner.size() == before + 10 - f.dropped("late") - f.dropped("stale"));
  f.advance(400ms);  // it stops without a DTX packet, and from then on no pause is created
  CHECK(f.counted("concealed", "dtx") == 1);
  CHECK(f.counted("missing") == 0);
}

TEST_CASE("CONCEAL creates no pause in a stream whose pauses never began with a DTX packet") {
  SpurtFixture f("ingress { mode: CONCEAL }");
  for (int spurt = 0; spurt < 3; ++spurt) {
    for (int i = 0; i < 4; ++i) f.say(f.speech[i]);
    f.timestamp += 19'200;
    f.advance(400ms);
  }
  CHECK(f.chain.inner.size() == 12);
  CHECK(f.counted("concealed", "dtx") == 0);
}

// Outward: a receiver report about the stream, as the filters inward see it; returns what the client
// receives.
rtcp::ReportBlock reportOn(Fixture& f) {
  uint8_t buffer[64];
  rtcp::Writer writer(buffer);
  const rtcp::ReportBlock said{.ssrc = kSsrc};
  writer.addReceiverReport(1, {&said, 1});
  f.chain.egress(Bytes(buffer, *writer.finish()), PacketKind::kRtcp);
  rtcp::Reader reader(f.chain.outer.back().data);
  return *rtcp::readReportBlock(*reader.next(), 0);
}

TEST_CASE("reports count the packets that arrived, not the packets that were created") {
  auto payloads = encode(voiceSignal(1, 130), kWithLbrr);
  for (size_t i = 4; i < 44; i += 4) payloads[i].clear();
  for (const char* config : {"ingress { mode: CONCEAL }", "ingress { mode: TRANSCODE }"}) {
    Fixture f(config);
    f.play(payloads);
    const auto report = reportOn(f);
    CHECK(report.cumulative_lost == 10);
    CHECK(report.fraction_lost == 10 * 256 / 50);
    CHECK(static_cast<uint16_t>(report.highest_sequence) == static_cast<uint16_t>(f.first_sequence + 49));
  }
  Fixture f("ingress {}");
  f.play(payloads);
  CHECK(reportOn(f).cumulative_lost == 0);  // the filters further inward see the loss themselves
}

}  // namespace
}  // namespace sluice
