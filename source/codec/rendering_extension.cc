#include "source/codec/rendering_extension.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::rtp {
namespace {

constexpr uint8_t kSilent = 255;
constexpr float kStepsPerDecibel = 2;
constexpr float kStepsPerDegree = 100;

uint8_t attenuationOf(float gain) {
  if (!(gain > 0)) return kSilent;
  const float steps = -20 * kStepsPerDecibel * std::log10(gain);
  return static_cast<uint8_t>(std::lround(std::clamp(steps, 0.0F, kSilent - 1.0F)));
}

uint16_t lowPassOf(float hz) {
  return hz > 0 ? static_cast<uint16_t>(std::lround(std::clamp(hz, 1.0F, 65535.0F))) : uint16_t{0};
}

int16_t inSteps(float degrees, float limit, float steps) {
  return static_cast<int16_t>(std::lround(std::clamp(degrees, -limit, limit) * steps));
}

uint16_t upperHalf(float value) {
  return static_cast<uint16_t>((std::bit_cast<uint32_t>(value) + 0x8000) >> 16);
}

}  // namespace

std::array<uint8_t, kRenderingSize> writeRendering(const Rendering& rendering) {
  std::array<uint8_t, kRenderingSize> out;
  out[0] = attenuationOf(rendering.gain);
  out[1] = static_cast<uint8_t>(inSteps(rendering.elevation, 90, 1));
  writeU16(&out[2], static_cast<uint16_t>(inSteps(rendering.azimuth, 180, kStepsPerDegree)));
  writeU16(&out[4], lowPassOf(rendering.low_pass_hz));
  writeU16(&out[6], upperHalf(rendering.distance));
  return out;
}

std::optional<Rendering> readRendering(Bytes data) {
  if (data.size() != kRenderingSize) return std::nullopt;
  const float decibels = static_cast<float>(data[0]) / kStepsPerDecibel;
  const Rendering out{
      .gain = data[0] == kSilent ? 0 : std::pow(10.0F, -decibels / 20),
      .low_pass_hz = static_cast<float>(readU16(&data[4])),
      .azimuth = static_cast<float>(static_cast<int16_t>(readU16(&data[2]))) / kStepsPerDegree,
      .elevation = static_cast<float>(static_cast<int8_t>(data[1])),
      .distance = std::bit_cast<float>(uint32_t{readU16(&data[6])} << 16)};
  if (std::abs(out.elevation) > 90 || std::abs(out.azimuth) > 180 || !(out.distance >= 0))
    return std::nullopt;
  return out;
}

}  // namespace sluice::rtp
