#include "source/codec/rtcp.h"
#include "test/filters/opus/opus_fixture.h"

namespace sluice {
namespace {

using namespace test;
using Fixture = OpusFixture;

TEST_CASE("TRANSCODE corrects the counts in sender reports") {
  Fixture f("ingress { mode: TRANSCODE }");
  f.chain.session.known_player = makePlayer();
  f.chain.session.known_player->line.onRoundTrip(std::chrono::microseconds{100'000});  // 10 ms frames
  const auto payloads = encode(voiceSignal(1, 130), {});
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

// TRANSCODE with a configurable line and load.
struct Transcoding : Fixture {
  std::vector<Payload> payloads = encode(voiceSignal(10, 150), {});
  size_t sent = 0;
  int loss_class = rooms::LossHistogram::kNone;

  Transcoding() : Fixture("ingress { mode: TRANSCODE }") { chain.session.known_player = makePlayer(); }

  void line(double rtt_ms, double loss, double busy) {
    const auto round_trip = std::chrono::duration<double, std::milli>(rtt_ms);
    chain.session.known_player->line.onRoundTrip(std::chrono::duration_cast<Duration>(round_trip));
    loss_class = chain.session.known_player->room->receiverLoss().enter(loss, loss_class);  // of a receiver
    worker.busy_share = busy;
  }
  // Plays until the profile is this one.
  opus::PacketInfo until(const std::string& profile) {
    for (int i = 0; i < 20 && described("ingress_profile") != profile; ++i) after(1s);
    CHECK(described("ingress_profile") == profile);
    return after(200ms);
  }
  // Plays for this long; returns the configuration of the last packet.
  opus::PacketInfo after(Duration time) {
    for (; time > Duration::zero(); time -= 20ms) {
      const Payload& payload = payloads[sent % payloads.size()];
      chain.ingress(
          rtpPacket(static_cast<uint16_t>(sent), static_cast<uint32_t>(sent) * 960, payload, kSsrc, 96));
      ++sent;
      rooms::LineQuality& line = chain.session.known_player->line;
      if (sent % 10 == 0) line.onRoundTrip(line.roundTrip());
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

TEST_CASE("every row of the adaptation changes the encoder, and back again") {
  using opus::Bandwidth;
  using opus::Mode;
  Transcoding f;
  f.line(20, 0, 0.1);
  auto info = f.after(1s);
  CHECK(info.bandwidth == Bandwidth::kFull);
  CHECK(info.samples() == 960);
  CHECK(f.described("ingress_profile") == "48 kHz, 20 ms, complexity 10, 32000 b/s");

  f.line(100, 0, 0.1);  // long round trip: narrowband and 10 ms frames
  info = f.until("8 kHz, 10 ms, complexity 10, 16000 b/s");
  CHECK(info.bandwidth == Bandwidth::kNarrow);
  CHECK(info.samples() == 480);
  f.line(70, 0, 0.1);  // between the thresholds
  CHECK(f.after(10s).samples() == 480);
  f.line(20, 0, 0.1);  // back after the hold time
  CHECK(f.after(5s).samples() == 480);
  CHECK(f.until("48 kHz, 20 ms, complexity 10, 32000 b/s").samples() == 960);

  f.line(20, 0.08, 0.1);  // lossy: SILK and FEC
  info = f.until("16 kHz, 20 ms, SILK, FEC for 10 % loss, complexity 10, 28000 b/s");
  CHECK((info.mode == Mode::kSilk || info.mode == Mode::kHybrid));
  size_t before = f.chain.inner.size();
  f.after(1s);
  CHECK(f.sawLbrr(before));
  f.line(20, 0.01, 0.1);
  f.until("48 kHz, 20 ms, complexity 10, 32000 b/s");
  before = f.chain.inner.size();
  CHECK(f.after(1s).bandwidth == Bandwidth::kFull);
  CHECK_FALSE(f.sawLbrr(before));

  f.line(20, 0, 0.8);  // busy: complexity 2
  f.until("48 kHz, 20 ms, complexity 2, 32000 b/s");
  f.line(100, 0.08, 0.8);  // far, lossy and busy
  info = f.until("8 kHz, 10 ms, SILK, FEC for 10 % loss, complexity 0, 28000 b/s");
  before = f.chain.inner.size();
  CHECK(info.bandwidth == Bandwidth::kNarrow);
  CHECK(info.samples() == 480);
  f.after(1s);
  CHECK(f.sawLbrr(before));
  f.line(20, 0, 0.1);
  CHECK(f.until("48 kHz, 20 ms, complexity 10, 32000 b/s").bandwidth == Bandwidth::kFull);
  CHECK(f.counted("profile_changes") >= 7);

  // One stream throughout: numbers without a gap, timestamps that advance.
  for (size_t i = 1; i < f.chain.inner.size(); ++i) {
    CHECK(static_cast<uint16_t>(f.out(i).sequence - f.out(i - 1).sequence) == 1);
    const uint32_t passed = f.out(i).timestamp - f.out(i - 1).timestamp;
    CHECK(passed == opus::parse(f.out(i - 1).payload)->samples());
  }
}

TEST_CASE("without a player, passing reports give the properties of the line") {
  for (const bool inward : {true, false}) {
    CAPTURE(inward);
    Fixture f(std::string(inward ? "ingress" : "egress") + " { mode: TRANSCODE } payload_type: 111");
    const std::string field = inward ? "ingress_profile" : "egress_profile";
    const auto payloads = encode(voiceSignal(10, 150), {});
    size_t sent = 0;
    const auto pass = [&](Bytes packet, PacketKind kind, bool in) {
      in ? f.chain.ingress(packet) : f.chain.egress(packet, kind);
    };
    // A second of voice; a sender report passes, and the receiver report that refers to it follows after this
    // time.
    const auto second = [&](Duration round_trip, uint8_t lost) {
      uint8_t buffer[200];
      const rtcp::Ntp ntp = (uint64_t{sent} + 1) << 32;
      rtcp::Writer report(buffer);
      report.addSenderReport({.ssrc = kSsrc, .ntp = ntp}, {});
      pass(Bytes(buffer, *report.finish()), PacketKind::kRtcp, inward);
      for (int i = 0; i < 50; ++i, ++sent) {
        pass(f.packet(sent, payloads[sent % payloads.size()]), PacketKind::kRtp, inward);
        f.advance(20ms);
      }
      f.advance(round_trip);
      const rtcp::ReportBlock block{
          .ssrc = kSsrc, .fraction_lost = lost, .last_sr = rtcp::middle(ntp), .delay_since_last_sr = 65'536};
      rtcp::Writer answer(buffer);
      answer.addReceiverReport(9, {&block, 1});
      pass(Bytes(buffer, *answer.finish()), PacketKind::kRtcp, !inward);
    };
    for (int i = 0; i < 5; ++i) second(20ms, 0);
    CHECK(f.described(field) == "48 kHz, 20 ms, complexity 10, 32000 b/s");
    for (int i = 0; i < 15; ++i) second(120ms, 0);
    CHECK(f.described(field) == "8 kHz, 10 ms, complexity 10, 16000 b/s");
    for (int i = 0; i < 15; ++i) second(120ms, 26);
    CHECK(f.described(field) == "8 kHz, 10 ms, SILK, FEC for 10 % loss, complexity 10, 28000 b/s");
  }
}

TEST_CASE("TRANSCODE keeps the sound quality and fills gaps") {
  const auto payloads = encode(voiceSignal(6, 130), kWithLbrr);
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
  const double distance = logSpectralDistance(reference, heard);
  MESSAGE("distance " << distance << " dB");
  CHECK(distance < 6);
  CHECK(transcoded.counted("concealed", "lbrr") > 0);
}

TEST_CASE("TRANSCODE creates 20 ms frames from shorter and longer ones") {
  for (const unsigned ms : {10u, 60u}) {
    Fixture f("ingress { mode: TRANSCODE }");
    f.frame = ms * 48;
    f.play(encode(voiceSignal(1.2, 130),
                  {.bandwidth = opus::Bandwidth::kWide, .frame_ms = ms, .mode = opus::Mode::kSilk}));
    REQUIRE(f.chain.inner.size() == 60);
    for (size_t i = 0; i < 60; ++i) {
      CHECK(f.out(i).timestamp == f.first_timestamp + static_cast<uint32_t>(i * 960));
      CHECK(opus::parse(f.out(i).payload)->samples() == 960);
    }
  }
}

}  // namespace
}  // namespace sluice
