#include "source/load/voice.h"

#include <array>
#include <cmath>
#include <numbers>

#include "source/media/opus_encoder.h"

namespace sluice::load {
namespace {

constexpr int kRate = 48'000;
constexpr int kBitrate = 32'000;
constexpr int kFrameSamples = kRate / 1000 * static_cast<int>(kFrameMs);
constexpr int kNoteSamples = kRate * 3 / 10;
constexpr double kLoudness = 0.2;

constexpr std::array<double, 5> kPentatonic{1.0, 9.0 / 8, 5.0 / 4, 3.0 / 2, 5.0 / 3};
constexpr std::array<std::array<int, 8>, 4> kTunes{
    {{0, 2, 3, 2, 4, 3, 2, 0}, {3, 3, 2, 0, 1, 2, 1, 0}, {0, 1, 2, 3, 4, 3, 4, 2}, {4, 2, 3, 1, 2, 0, 1, 0}}};

// A soft tone: two harmonics under a rounded envelope.
double sampleAt(double frequency, int position) {
  const double t = static_cast<double>(position) / kRate;
  const double phase = 2 * std::numbers::pi * frequency * t;
  const double envelope = std::sin(std::numbers::pi * position / kNoteSamples);
  return kLoudness * envelope * (std::sin(phase) + 0.4 * std::sin(2 * phase) + 0.15 * std::sin(3 * phase));
}

std::vector<int16_t> synthesise(unsigned voice) {
  const auto& tune = kTunes[voice % kTunes.size()];
  const double base = 180.0 * std::pow(1.25, voice % 5);
  std::vector<int16_t> samples;
  samples.reserve(tune.size() * kNoteSamples);
  for (const int note : tune) {
    const double frequency = base * kPentatonic[static_cast<size_t>(note)];
    for (int i = 0; i < kNoteSamples; ++i) {
      samples.push_back(static_cast<int16_t>(32'767 * sampleAt(frequency, i)));
    }
  }
  return samples;
}

Result<Melody> encode(const std::vector<int16_t>& samples) {
  media::OpusEncoder encoder;
  encoder.apply({.bitrate_bps = kBitrate});
  Melody melody;
  for (size_t at = 0; at + kFrameSamples <= samples.size(); at += kFrameSamples) {
    std::vector<uint8_t> packet(media::kMaxOpusFrame);
    packet.resize(encoder.encode({&samples[at], kFrameSamples}, packet));
    if (packet.empty()) return Error{"", "libopus cannot encode"};
    melody.push_back(std::move(packet));
  }
  return melody;
}

}  // namespace

Result<Melody> makeMelody(unsigned voice) {
  return encode(synthesise(voice));
}

Result<Melody> makeSilence() {
  return encode(std::vector<int16_t>(kRate));
}

}  // namespace sluice::load
