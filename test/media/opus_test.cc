#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

#include "source/media/opus_decoder.h"
#include "source/media/opus_encoder.h"
#include "test/support/voice_signal.h"

namespace sluice::media {
namespace {

using Payload = std::vector<uint8_t>;

std::vector<Payload> encode(const std::vector<int16_t>& pcm, const Profile& profile) {
  OpusEncoder encoder;
  encoder.apply(profile);
  std::vector<Payload> packets;
  std::array<uint8_t, 1276> buffer;
  for (size_t at = 0; at + profile.samples() <= pcm.size(); at += profile.samples()) {
    const size_t size = encoder.encode({&pcm[at], profile.samples()}, buffer);
    REQUIRE(size > 0);
    packets.emplace_back(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
  }
  return packets;
}

TEST_CASE("OpusEncoder: the packets have the profile's properties") {
  using opus::Bandwidth;
  using opus::Mode;
  const auto voice = test::voiceSignal(1, 120);
  const Profile profiles[] = {
      {.bandwidth = Bandwidth::kNarrow, .frame_ms = 10, .complexity = 0, .bitrate_bps = 16'000},
      {.bandwidth = Bandwidth::kWide, .mode = Mode::kSilk, .fec = true, .expected_loss_percent = 10},
      {.bandwidth = Bandwidth::kFull, .mode = Mode::kSilk},
      {.bandwidth = Bandwidth::kFull, .mode = Mode::kCelt},
      {.bandwidth = Bandwidth::kNarrow, .frame_ms = 60, .mode = Mode::kSilk},
      {},
  };
  for (const Profile& profile : profiles) {
    CAPTURE(describe(profile));
    bool lbrr = false;
    for (const Payload& packet : encode(voice, profile)) {
      const auto info = opus::parse(packet);
      REQUIRE(info);
      CHECK(info->bandwidth == profile.bandwidth);
      CHECK(info->samples() == profile.samples());
      if (profile.mode == Mode::kSilk && profile.bandwidth <= Bandwidth::kWide)
        CHECK(info->mode == Mode::kSilk);
      if (profile.mode == Mode::kSilk && profile.bandwidth > Bandwidth::kWide)
        CHECK(info->mode == Mode::kHybrid);
      if (profile.mode == Mode::kCelt) CHECK(info->mode == Mode::kCelt);
      lbrr = lbrr || info->has_lbrr;
    }
    CHECK(lbrr == profile.fec);
  }
}

TEST_CASE("a voice is encoded and decoded") {
  const auto voice = test::voiceSignal(4, 140);
  OpusDecoder decoder;
  std::vector<int16_t> decoded;
  std::array<int16_t, kMaxPacketSamples> pcm;
  for (const Payload& packet : encode(voice, {})) {
    const size_t samples = decoder.decode(packet, pcm);
    REQUIRE(samples == 960);
    decoded.insert(decoded.end(), pcm.begin(), pcm.begin() + 960);
  }
  decoded.erase(decoded.begin(), decoded.begin() + 312);  // the encoder's look-ahead
  CHECK(test::logSpectralDistance(voice, decoded) < 6);
}

TEST_CASE("malformed packets are refused, with any length and content") {
  OpusDecoder decoder;
  std::array<int16_t, kMaxPacketSamples> pcm;
  CHECK(decoder.decode({}, pcm) == 0);
  CHECK(decoder.decodeFec({}, pcm) == 0);
  const uint8_t no_frames[] = {3, 0};
  CHECK(decoder.decode(no_frames, pcm) == 0);
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Payload packet(1 + random() % 300);
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
    const auto info = opus::parse(packet);
    const size_t samples = decoder.decode(packet, pcm);
    if (!info) CHECK(samples == 0);
    if (info && samples != 0) CHECK(samples == info->samples());
    if (i % 5 == 0) decoder.decodeFec(packet, MutablePcm(pcm).first(960));
    if (i % 7 == 0) CHECK(decoder.conceal(MutablePcm(pcm).first(960)) == 960);
  }
}

TEST_CASE("a packet with empty frames equals libopus' concealment bit by bit") {
  for (const auto mode : {opus::Mode::kSilk, opus::Mode::kHybrid, opus::Mode::kCelt}) {
    const bool silk = mode == opus::Mode::kSilk;
    const Profile profile{.bandwidth = silk ? opus::Bandwidth::kWide : opus::Bandwidth::kFull, .mode = mode};
    const auto packets = encode(test::voiceSignal(2, 110), profile);
    OpusDecoder told;
    OpusDecoder concealing;
    std::array<int16_t, kMaxPacketSamples> a;
    std::array<int16_t, kMaxPacketSamples> b;
    for (size_t i = 0; i < packets.size(); ++i) {
      if (i % 10 >= 7) {
        const uint8_t empty[] = {static_cast<uint8_t>(packets[i - i % 10 + 6][0] | 3), 0x41, 0};
        CHECK(told.decode(empty, a) == 960);
        CHECK(concealing.conceal(MutablePcm(b).first(960)) == 960);
      } else {
        told.decode(packets[i], a);
        concealing.decode(packets[i], b);
      }
      CHECK(std::equal(a.begin(), a.begin() + 960, b.begin()));
    }
  }
}

}  // namespace
}  // namespace sluice::media
