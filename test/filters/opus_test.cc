#include "filters/opus/opus.h"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <map>
#include <random>

#include "test/support/harness.h"
#include "test/support/voice_signal.h"

namespace sluice {
namespace {

using test::Captured;
using test::ChainHarness;
using Payload = std::vector<uint8_t>;
using Recording = std::vector<int16_t>;

constexpr uint32_t kSsrc = 0x1234;
constexpr uint8_t kOpus = 111;
constexpr media::Profile kWithLbrr{.bandwidth = opus::Bandwidth::kWide,
                                   .mode = opus::Mode::kSilk,
                                   .fec = true,
                                   .expected_loss_percent = 10,
                                   .bitrate_bps = 28'000};

std::vector<Payload> encode(const Recording& pcm, const media::Profile& profile) {
  media::OpusEncoder encoder;
  encoder.apply(profile);
  std::vector<Payload> packets;
  uint8_t buffer[media::kMaxOpusFrame];
  for (size_t at = 0; at + profile.samples() <= pcm.size(); at += profile.samples()) {
    packets.emplace_back(buffer, buffer + encoder.encode({&pcm[at], profile.samples()}, buffer));
  }
  return packets;
}

Payload rtpPacket(uint16_t sequence, uint32_t timestamp, Bytes payload, uint32_t ssrc = kSsrc,
                  uint8_t type = kOpus) {
  const uint8_t level[] = {0x85};
  const rtp::ExtensionElement extension{1, level};
  const rtp::Header header{.payload_type = type,
                           .sequence = sequence,
                           .timestamp = timestamp,
                           .ssrc = ssrc,
                           .csrcs = {},
                           .extensions = {&extension, 1}};
  Payload bytes(header.size() + payload.size());
  rtp::write(header, bytes.data());
  std::copy(payload.begin(), payload.end(), bytes.begin() + static_cast<ptrdiff_t>(header.size()));
  return bytes;
}

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  ChainHarness chain;
  uint16_t first_sequence = 65'530;  // both wrap soon
  uint32_t first_timestamp = 0xFFFFFF00u;
  uint32_t frame = 960;

  explicit Fixture(const std::string& config) : chain(worker, {{opus_filter::filterType(), config}}) {}

  void advance(Duration by) {
    for (; by > Duration::zero(); by -= 1ms) {
      clock.advance(1ms);
      worker.timers().run();
    }
  }
  Payload packet(size_t i, Bytes payload) const {
    return rtpPacket(static_cast<uint16_t>(first_sequence + i),
                     first_timestamp + static_cast<uint32_t>(i) * frame, payload);
  }
  // Sends each packet that is not empty when its time has come, and all the time that follows.
  void play(const std::vector<Payload>& payloads) {
    for (size_t i = 0; i < payloads.size(); ++i) {
      if (!payloads[i].empty()) chain.ingress(packet(i, payloads[i]));
      advance(frame / 48 * 1ms);
    }
    advance(1s);
  }
  rtp::Packet out(size_t i) const { return *rtp::parse(chain.inner[i].data); }
  uint64_t dropped(std::string_view reason) const { return chain.dropped("opus", reason); }
  uint64_t counted(std::string_view name, std::string_view value = {}) const {
    return chain.counted("opus", name, value);
  }
  std::string described(const std::string& field) {
    chain::Description description;
    chain.chain().forEach(
        [&](const std::string&, const chain::Filter& filter) { filter.describe(description); });
    for (const auto& [name, value] : description) {
      if (name == field) return value;
    }
    return "";
  }
};

rooms::PlayerPtr makePlayer(std::vector<uint32_t> slots = {}) {
  rooms::Negotiated negotiated;
  negotiated.sending.emplace();
  negotiated.sending->opus_payload_type = 96;
  for (const uint32_t ssrc : slots) {
    rooms::Slot slot;
    slot.ssrc = ssrc;
    slot.opus_payload_type = 97;
    negotiated.slots.push_back(slot);
  }
  return std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
}

// What a listener without a buffer hears of what came out; what is missing is concealed.
Recording listen(const std::vector<Captured>& packets, uint32_t first_timestamp, size_t frames) {
  std::map<uint32_t, Payload> by_time;
  for (const Captured& captured : packets) {
    const auto packet = *rtp::parse(captured.data);
    by_time[packet.timestamp - first_timestamp] = {packet.payload.begin(), packet.payload.end()};
  }
  media::OpusDecoder decoder;
  Recording heard(frames * 960);
  for (size_t i = 0; i < frames; ++i) {
    const media::MutablePcm out(&heard[i * 960], 960);
    const auto it = by_time.find(static_cast<uint32_t>(i * 960));
    if (it == by_time.end() || decoder.decode(it->second, out) != 960) decoder.conceal(out);
  }
  return heard;
}

TEST_CASE("what came passes bit by bit, in order, at an even pace") {
  for (const char* config : {"ingress {}", "ingress { mode: CONCEAL }"}) {
    Fixture f(config);
    std::vector<Payload> payloads = encode(test::voiceSignal(4, 120), {});
    payloads[7] = {0xFB, 0x41, 4, 1, 2, 3, 9, 8, 7, 6};  // with padding, in which DRED would be
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

TEST_CASE("the wait is the playout delay") {
  Fixture f("ingress { playout_delay { floor_ms: 50 ceiling_ms: 50 } }");
  const auto payloads = encode(test::voiceSignal(0.2, 120), {});
  f.chain.ingress(f.packet(0, payloads[0]));
  f.advance(49ms);
  CHECK(f.chain.inner.empty());
  f.advance(1ms);
  CHECK(f.chain.inner.size() == 1);
  CHECK(f.chain.stats("opus").histograms[0].sumNs() == 50'000'000);
}

TEST_CASE("all that is not the session's Opus passes at once and untouched") {
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

TEST_CASE("the payload type is the negotiated one, each slot's own towards the client") {
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
  SUBCASE("without one") {
    f.chain.ingress(rtpPacket(1, 0, voice, kSsrc, 111));
    CHECK(f.chain.inner.size() == 1);
    f.chain.ingress(rtpPacket(1, 0, voice, kSsrc, 100));
    CHECK(f.chain.inner.size() == 1);
  }
}

TEST_CASE("late, duplicate, stale, stray, undecodable and foreign packets are dropped") {
  const auto payloads = encode(test::voiceSignal(1, 120), {});
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

TEST_CASE("a pool that is exhausted leaves the gap") {
  Fixture f("ingress { mode: CONCEAL }");
  const auto payloads = encode(test::voiceSignal(0.2, 120), {});
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

TEST_CASE("a burst that does not fit lets the earliest out before its time, and loses nothing") {
  Fixture f("ingress { jitter_buffer { min_frames: 8 max_frames: 8 } }");
  const auto payloads = encode(test::voiceSignal(1, 120), {});
  for (size_t i = 0; i < 20; ++i) f.chain.ingress(f.packet(i, payloads[i]));
  CHECK(f.chain.inner.size() == 12);
  CHECK(f.counted("overflow") == 12);
  f.advance(1s);
  REQUIRE(f.chain.inner.size() == 20);
  for (size_t i = 0; i < 20; ++i) CHECK(f.chain.inner[i].data == f.packet(i, payloads[i]));
}

TEST_CASE("CONCEAL fills the numbers that are missing, and is better than concealment with LBRR") {
  const auto payloads = encode(test::voiceSignal(10, 130), kWithLbrr);
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
  const double plc = test::logSpectralDistance(reference, hear(*reordered));
  const double ours = test::logSpectralDistance(reference, hear(*concealed));
  MESSAGE("PLC " << plc << " dB, CONCEAL " << ours << " dB");
  CHECK(ours < plc - 0.1);
}

TEST_CASE("CONCEAL without LBRR is libopus' concealment, bit by bit") {
  auto lossy = encode(test::voiceSignal(4, 130), {});
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

TEST_CASE("a long gap stays one after max_concealed_ms; its end is still rebuilt") {
  Fixture f("ingress { mode: CONCEAL max_concealed_ms: 60 }");
  auto payloads = encode(test::voiceSignal(2, 130), kWithLbrr);
  std::fill(payloads.begin() + 20, payloads.begin() + 30, Payload{});
  f.play(payloads);
  CHECK(f.counted("concealed", "plc") == 3);
  CHECK(f.counted("concealed", "lbrr") == 1);
  CHECK(f.counted("missing") == 6);
}

TEST_CASE("silence is left alone") {
  for (const char* config : {"ingress { mode: CONCEAL }", "ingress { mode: TRANSCODE }"}) {
    Fixture f(config);
    const auto payloads = encode(test::voiceSignal(1, 130), {});
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

TEST_CASE("a sender that begins anew is followed") {
  Fixture f("ingress { mode: CONCEAL }");
  const auto payloads = encode(test::voiceSignal(1, 130), {});
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

TEST_CASE("BYE does not overtake what is held") {
  Fixture f("ingress {}");
  const auto payloads = encode(test::voiceSignal(0.2, 130), {});
  f.chain.ingress(f.packet(0, payloads[0]));
  f.chain.ingress(Payload{0x81, 203, 0, 1, 0, 0, 0x12, 0x34});
  REQUIRE(f.chain.inner.size() == 2);
  CHECK(f.chain.inner[1].kind == PacketKind::kRtcp);
}

// Outward: a receiver report about the stream, as the inside sees it; what the client gets of it.
rtcp::ReportBlock reportOn(Fixture& f) {
  uint8_t buffer[64];
  rtcp::Writer writer(buffer);
  const rtcp::ReportBlock said{.ssrc = kSsrc};
  writer.addReceiverReport(1, {&said, 1});
  f.chain.egress(Bytes(buffer, *writer.finish()), PacketKind::kRtcp);
  rtcp::Reader reader(f.chain.outer.back().data);
  return *rtcp::readReportBlock(*reader.next(), 0);
}

TEST_CASE("reports say what came, not what was made of it") {
  auto payloads = encode(test::voiceSignal(1, 130), kWithLbrr);
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
  CHECK(reportOn(f).cumulative_lost == 0);  // whoever is inside sees the loss itself
}

TEST_CASE("TRANSCODE corrects what sender reports count") {
  Fixture f("ingress { mode: TRANSCODE }");
  f.chain.session.known_player = makePlayer();
  f.chain.session.known_player->observed.rtt_us = 100'000;  // 10 ms frames
  const auto payloads = encode(test::voiceSignal(1, 130), {});
  for (size_t i = 0; i < payloads.size(); ++i) {
    f.chain.ingress(
        rtpPacket(static_cast<uint16_t>(i), static_cast<uint32_t>(i) * 960, payloads[i], kSsrc, 96));
    f.advance(20ms);
  }
  f.advance(1s);
  uint32_t octets = 0;
  for (size_t i = 0; i < f.chain.inner.size(); ++i) octets += static_cast<uint32_t>(f.out(i).payload.size());
  uint8_t buffer[64];
  rtcp::Writer writer(buffer);
  writer.addSenderReport({.ssrc = kSsrc, .ntp = 5, .rtp_timestamp = 6, .packets = 50, .octets = 1}, {});
  f.chain.ingress(Bytes(buffer, *writer.finish()));
  rtcp::Reader reader(f.chain.inner.back().data);
  const auto info = rtcp::readSenderInfo(*reader.next());
  CHECK(info->packets == 100);
  CHECK(info->octets == octets);
  CHECK(info->rtp_timestamp == 6);
}

// TRANSCODE with a line and a load that can be set.
struct Transcoding : Fixture {
  std::vector<Payload> payloads = encode(test::voiceSignal(10, 150), {});
  size_t sent = 0;

  Transcoding() : Fixture("ingress { mode: TRANSCODE }") { chain.session.known_player = makePlayer(); }

  void line(double rtt_ms, double loss, double busy) {
    auto& observed = chain.session.known_player->observed;
    observed.rtt_us = static_cast<uint32_t>(rtt_ms * 1000);
    observed.loss_permille = static_cast<uint32_t>(loss * 1000);
    worker.busy_share = busy;
  }
  // Plays for so long; what the last packet then says of itself.
  opus::PacketInfo after(Duration time) {
    for (; time > Duration::zero(); time -= 20ms) {
      const Payload& payload = payloads[sent % payloads.size()];
      chain.ingress(
          rtpPacket(static_cast<uint16_t>(sent), static_cast<uint32_t>(sent) * 960, payload, kSsrc, 96));
      ++sent;
      advance(20ms);
    }
    return *opus::parse(out(chain.inner.size() - 1).payload);
  }
  bool sawLbrr(size_t from) const {
    for (size_t i = from; i < chain.inner.size(); ++i) {
      if (opus::parse(out(i).payload)->has_lbrr) return true;
    }
    return false;
  }
};

TEST_CASE("every row of the adaptation drives the encoder, and back again") {
  using opus::Bandwidth;
  using opus::Mode;
  Transcoding f;
  f.line(20, 0, 0.1);
  auto info = f.after(1s);
  CHECK(info.bandwidth == Bandwidth::kFull);
  CHECK(info.samples() == 960);
  CHECK(f.described("ingress_profile") == "48 kHz, 20 ms, complexity 10, 32000 b/s");

  f.line(100, 0, 0.1);  // far: narrowband and 10 ms frames
  info = f.after(1s);
  CHECK(info.bandwidth == Bandwidth::kNarrow);
  CHECK(info.samples() == 480);
  f.line(70, 0, 0.1);  // between the thresholds
  CHECK(f.after(10s).samples() == 480);
  f.line(20, 0, 0.1);  // back after the hold time
  CHECK(f.after(4s).samples() == 480);
  CHECK(f.after(2s).samples() == 960);

  f.line(20, 0.08, 0.1);  // lossy: SILK and FEC
  size_t before = f.chain.inner.size() + 10;
  info = f.after(1s);
  CHECK((info.mode == Mode::kSilk || info.mode == Mode::kHybrid));
  CHECK(f.sawLbrr(before));
  CHECK(f.described("ingress_profile") == "16 kHz, 20 ms, SILK, FEC for 10 % loss, complexity 10, 28000 b/s");
  f.line(20, 0.01, 0.1);
  f.after(6s);
  before = f.chain.inner.size();
  CHECK(f.after(1s).bandwidth == Bandwidth::kFull);
  CHECK_FALSE(f.sawLbrr(before));

  f.line(20, 0, 0.8);  // busy: complexity 2
  f.after(1s);
  CHECK(f.described("ingress_profile") == "48 kHz, 20 ms, complexity 2, 32000 b/s");
  f.line(100, 0.08, 0.8);  // a busy fight
  before = f.chain.inner.size() + 20;
  info = f.after(1s);
  CHECK(info.bandwidth == Bandwidth::kNarrow);
  CHECK(info.samples() == 480);
  CHECK(f.sawLbrr(before));
  CHECK(f.described("ingress_profile") == "8 kHz, 10 ms, SILK, FEC for 10 % loss, complexity 0, 28000 b/s");
  f.line(20, 0, 0.1);
  info = f.after(6s);
  CHECK(info.bandwidth == Bandwidth::kFull);
  CHECK(f.described("ingress_profile") == "48 kHz, 20 ms, complexity 10, 32000 b/s");
  CHECK(f.counted("profile_changes") == 7);

  // One stream all along: numbers without a hole, time that goes on.
  for (size_t i = 1; i < f.chain.inner.size(); ++i) {
    CHECK(static_cast<uint16_t>(f.out(i).sequence - f.out(i - 1).sequence) == 1);
    const uint32_t passed = f.out(i).timestamp - f.out(i - 1).timestamp;
    CHECK(passed == opus::parse(f.out(i - 1).payload)->samples());
  }
}

TEST_CASE("TRANSCODE sounds as before and fills gaps") {
  const auto payloads = encode(test::voiceSignal(6, 130), kWithLbrr);
  auto lossy = payloads;
  for (size_t i = 20; i + 10 < lossy.size(); i += 9) lossy[i].clear();
  Fixture clean("ingress {}");
  Fixture transcoded("ingress { mode: TRANSCODE }");
  clean.play(payloads);
  transcoded.play(lossy);
  CHECK(transcoded.chain.inner.size() == payloads.size());
  CHECK(transcoded.counted("transcoded") == payloads.size());
  auto reference = listen(clean.chain.inner, clean.first_timestamp, payloads.size());
  auto heard = listen(transcoded.chain.inner, clean.first_timestamp, payloads.size());
  heard.erase(heard.begin(), heard.begin() + media::OpusEncoder::kLookAhead);
  const double distance = test::logSpectralDistance(reference, heard);
  MESSAGE("distance " << distance << " dB");
  CHECK(distance < 6);
  CHECK(transcoded.counted("concealed", "lbrr") > 0);
}

TEST_CASE("TRANSCODE makes 20 ms frames of shorter and longer ones") {
  for (const unsigned ms : {10u, 60u}) {
    Fixture f("ingress { mode: TRANSCODE }");
    f.frame = ms * 48;
    f.play(encode(test::voiceSignal(1.2, 130),
                  {.bandwidth = opus::Bandwidth::kWide, .frame_ms = ms, .mode = opus::Mode::kSilk}));
    REQUIRE(f.chain.inner.size() == 60);
    for (size_t i = 0; i < 60; ++i) {
      CHECK(f.out(i).timestamp == f.first_timestamp + static_cast<uint32_t>(i * 960));
      CHECK(opus::parse(f.out(i).payload)->samples() == 960);
    }
  }
}

TEST_CASE("a reload changes parameters and mode in mid-call and loses nothing") {
  const auto payloads = encode(test::voiceSignal(2, 130), {});
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
  SUBCASE("through TRANSCODE, without a hole in the numbers") {
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
    SUBCASE("or the next packet does") {
      f.chain.ingress(f.packet(5, payloads[5]));
      CHECK(f.chain.inner.size() == 6);
    }
    CHECK(f.chain.inner.size() >= 5);
  }
  SUBCASE("out of the chain") {
    f.chain.reload({});
    CHECK(f.chain.inner.size() == 5);
  }
  SUBCASE("or the session ends") {
    f.chain.closeChain();
    CHECK(f.chain.inner.size() == 5);
  }
  f.chain.closeChain();
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("more streams than max_streams take turns") {
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

TEST_CASE("what is wrong in a configuration is named") {
  const std::pair<const char*, const char*> cases[] = {
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
  for (const auto& [text, path] : cases) {
    filters::Opus config;
    REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &config));
    const auto settings = opus_filter::readSettings(config);
    REQUIRE_FALSE(settings.ok());
    CHECK(settings.error().path == path);
    CHECK(settings.errors().size() == 1);
  }
}

}  // namespace
}  // namespace sluice
