#include "source/media/concealer.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <vector>

#include "test/support/voice_signal.h"

namespace sluice::media {
namespace {

using Payload = std::vector<uint8_t>;
using Recording = std::vector<int16_t>;

std::vector<Payload> encode(const Recording& pcm, const Profile& profile) {
  OpusEncoder encoder;
  encoder.apply(profile);
  std::vector<Payload> packets;
  std::array<uint8_t, kMaxOpusFrame> buffer;
  for (size_t at = 0; at + profile.samples() <= pcm.size(); at += profile.samples()) {
    const size_t size = encoder.encode({&pcm[at], profile.samples()}, buffer);
    packets.emplace_back(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
  }
  return packets;
}

// The decoded audio of packets some of which are lost (empty).
Recording listen(const std::vector<Payload>& packets, size_t samples, bool fec = false) {
  OpusDecoder decoder;
  Recording heard;
  std::array<int16_t, kMaxPacketSamples> pcm;
  for (size_t i = 0; i < packets.size(); ++i) {
    if (!packets[i].empty()) {
      CHECK(decoder.decode(packets[i], pcm) == samples);
    } else if (fec && i + 1 < packets.size() && !packets[i + 1].empty()) {
      decoder.decodeFec(packets[i + 1], MutablePcm(pcm).first(samples));
    } else {
      decoder.conceal(MutablePcm(pcm).first(samples));
    }
    heard.insert(heard.end(), pcm.begin(), pcm.begin() + static_cast<ptrdiff_t>(samples));
  }
  return heard;
}

// The same packets, with rebuilt ones where possible.
std::vector<Payload> conceal(std::vector<Payload> packets, size_t samples) {
  const auto tools = std::make_unique<ConcealerTools>();
  Concealer concealer;
  for (size_t i = 0; i < packets.size(); ++i) {
    if (!packets[i].empty()) {
      concealer.remember(packets[i]);
      continue;
    }
    std::array<uint8_t, kMaxOpusFrame> out;
    size_t size = 0;
    if (i + 1 < packets.size() && !packets[i + 1].empty())
      size = concealer.rebuild(*tools, packets[i + 1], samples, out);
    if (size == 0 && !concealer.last().empty()) {
      writeEmptyPacket(concealer.last(), out.data());
      size = kEmptyPacketSize;
      concealer.miss(samples);
    } else if (size != 0) {
      concealer.remember(Bytes(out).first(size));
    }
    packets[i].assign(out.begin(), out.begin() + static_cast<ptrdiff_t>(size));
  }
  return packets;
}

std::vector<Payload> lose(std::vector<Payload> packets, double share, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<> chance(0, 1);
  for (size_t i = 5; i < packets.size(); ++i) {
    if (chance(random) < share) packets[i].clear();
  }
  return packets;
}

TEST_CASE("packets rebuilt from LBRR are closer to the clean voice than concealment alone") {
  struct Case {
    opus::Bandwidth bandwidth;
    unsigned frame_ms;
    uint32_t bitrate_bps;
    double pitch_hz;
  };
  const Case cases[] = {
      {opus::Bandwidth::kWide, 20, 28'000, 110},   {opus::Bandwidth::kWide, 20, 28'000, 210},
      {opus::Bandwidth::kNarrow, 20, 20'000, 110}, {opus::Bandwidth::kNarrow, 10, 24'000, 150},
      {opus::Bandwidth::kFull, 20, 40'000, 130},   {opus::Bandwidth::kWide, 60, 28'000, 160},
  };
  for (const Case& c : cases) {
    const Profile profile{.bandwidth = c.bandwidth,
                          .frame_ms = c.frame_ms,
                          .mode = opus::Mode::kSilk,
                          .fec = true,
                          .expected_loss_percent = 10,
                          .bitrate_bps = c.bitrate_bps};
    const auto packets = encode(test::voiceSignal(10, c.pitch_hz), profile);
    const auto clean = listen(packets, profile.samples());
    const auto lossy = lose(packets, 0.1, 3);
    const double plc = test::logSpectralDistance(clean, listen(lossy, profile.samples()));
    const double fec = test::logSpectralDistance(clean, listen(lossy, profile.samples(), true));
    const double ours =
        test::logSpectralDistance(clean, listen(conceal(lossy, profile.samples()), profile.samples()));
    MESSAGE(describe(profile) << ": PLC " << plc << " dB, FEC in the decoder " << fec << " dB, ours " << ours
                              << " dB");
    CHECK(ours < plc - 0.1);
    // Neither starting a decoder for each gap nor encoding again has an audible cost.
    CHECK(ours < fec + 0.1);
  }
}

TEST_CASE("in bursts the last lost packet is rebuilt, which improves the audio") {
  const Profile profile{.bandwidth = opus::Bandwidth::kWide,
                        .mode = opus::Mode::kSilk,
                        .fec = true,
                        .expected_loss_percent = 10,
                        .bitrate_bps = 28'000};
  const auto packets = encode(test::voiceSignal(10, 140), profile);
  const auto clean = listen(packets, 960);
  auto lossy = packets;
  for (size_t i = 10; i + 3 < lossy.size(); i += 17) {
    for (size_t k = 0; k < 3; ++k) lossy[i + k].clear();
  }
  const double plc = test::logSpectralDistance(clean, listen(lossy, 960));
  const double ours = test::logSpectralDistance(clean, listen(conceal(lossy, 960), 960));
  CHECK(ours < plc);
}

TEST_CASE("without LBRR the audio equals libopus' concealment") {
  for (const auto mode : {opus::Mode::kSilk, opus::Mode::kHybrid, opus::Mode::kCelt}) {
    const bool silk = mode == opus::Mode::kSilk;
    const Profile profile{.bandwidth = silk ? opus::Bandwidth::kWide : opus::Bandwidth::kFull, .mode = mode};
    const auto lossy = lose(encode(test::voiceSignal(5, 130), profile), 0.2, 5);
    const auto concealed = conceal(lossy, 960);
    for (const Payload& packet : concealed) CHECK_FALSE(packet.empty());
    CHECK(listen(concealed, 960) == listen(lossy, 960));
  }
}

TEST_CASE("an empty packet has the length of its model") {
  const uint8_t models[][4] = {{0x48, 1, 2, 3}, {0x49, 1, 2, 3}, {0x4B, 3, 0, 0}, {0xFC, 0xFF, 0xFE}};
  for (const auto& model : models) {
    uint8_t empty[kEmptyPacketSize];
    writeEmptyPacket(model, empty);
    const auto info = opus::parse(empty);
    REQUIRE(info);
    CHECK(info->samples() == opus::parse(model)->samples());
    CHECK(info->stereo == opus::parse(model)->stereo);
    CHECK_FALSE(opus::isDtx(empty));
  }
}

TEST_CASE("nothing is created from packets without the necessary content") {
  const auto tools = std::make_unique<ConcealerTools>();
  Concealer concealer;
  std::array<uint8_t, kMaxOpusFrame> out;
  CHECK(concealer.last().empty());
  CHECK(concealer.rebuild(*tools, {}, 960, out) == 0);
  const auto plain = encode(test::voiceSignal(0.2, 130), {.mode = opus::Mode::kSilk});
  for (const Payload& packet : plain) concealer.remember(packet);
  CHECK(concealer.rebuild(*tools, plain[0], 960, out) == 0);
  // Whatever bytes follow: the worst result is noise.
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    Payload packet(1 + random() % 200);
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
    packet[0] &= 0x7F;
    const size_t size = concealer.rebuild(*tools, packet, 480 << random() % 4, out);
    CHECK(size <= out.size());
    if (i % 3 == 0) concealer.remember(packet);
    if (i % 5 == 0) concealer.miss(random() % 6000);
  }
}

}  // namespace
}  // namespace sluice::media
