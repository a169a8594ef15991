#include "test/bench/quality/metrics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>

namespace sluice::quality {
namespace {

constexpr size_t kBins = 1024;  // of the transform; a frame and zero padding
constexpr double kSpeechRange = 1e-4;
constexpr double kFloorRange =
    1e-6;  // of the loudest frame's mean bin; below it two bins count as equally silent

using Spectrum = std::array<double, kBins / 2>;  // power

void transform(std::array<std::complex<double>, kBins>& x) {
  for (size_t i = 1, j = 0; i < kBins; ++i) {
    size_t bit = kBins >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (size_t length = 2; length <= kBins; length <<= 1) {
    const auto step = std::polar(1.0, -2 * std::numbers::pi / static_cast<double>(length));
    for (size_t i = 0; i < kBins; i += length) {
      std::complex<double> w = 1;
      for (size_t k = 0; k < length / 2; ++k, w *= step) {
        const auto even = x[i + k];
        const auto odd = x[i + k + length / 2] * w;
        x[i + k] = even + odd;
        x[i + k + length / 2] = even - odd;
      }
    }
  }
}

Spectrum spectrum(const int16_t* frame) {
  std::array<std::complex<double>, kBins> x{};
  for (size_t i = 0; i < kFrameSamples; ++i) {
    const double window = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / kFrameSamples);
    x[i] = frame[i] * window;
  }
  transform(x);
  Spectrum power;
  for (size_t i = 0; i < power.size(); ++i) power[i] = std::norm(x[i]);
  return power;
}

double energy(const int16_t* frame) {
  double sum = 0;
  for (size_t i = 0; i < kFrameSamples; ++i) sum += double{1} * frame[i] * frame[i];
  return sum;
}

double distance(const Spectrum& a, const Spectrum& b, double floor) {
  constexpr size_t kFirst = 100 * kBins / kRate;
  constexpr size_t kLast = 8000 * kBins / kRate;
  double sum = 0;
  for (size_t i = kFirst; i <= kLast; ++i) {
    const double db = 10 * std::log10((a[i] + floor) / (b[i] + floor));
    sum += db * db;
  }
  return std::sqrt(sum / (kLast - kFirst + 1));
}

double snr(const int16_t* clean, const int16_t* heard) {
  double noise = 0;
  for (size_t i = 0; i < kFrameSamples; ++i) {
    const double difference = double{1} * clean[i] - heard[i];
    noise += difference * difference;
  }
  return noise == 0 ? 35 : std::clamp(10 * std::log10(energy(clean) / noise), -10.0, 35.0);
}

}  // namespace

Difference compare(const Samples& clean, const Samples& heard) {
  double loudest = 0;
  for (size_t at = 0; at + kFrameSamples <= clean.size(); at += kFrameSamples) {
    loudest = std::max(loudest, energy(&clean[at]));
  }
  // Parseval: a frame's mean bin is its energy, of which a Hann window leaves 3/8.
  const double floor = kFloorRange * loudest * 3 / 8;
  Difference out;
  size_t windows = 0;
  size_t frames = 0;
  for (size_t at = 0; at + kFrameSamples <= clean.size(); at += kFrameSamples / 2) {
    if (energy(&clean[at]) < kSpeechRange * loudest) continue;
    ++windows;
    out.log_spectral_distance_db += distance(spectrum(&clean[at]), spectrum(&heard[at]), floor);
    if (at % kFrameSamples != 0) continue;
    ++frames;
    out.segmental_snr_db += snr(&clean[at], &heard[at]);
  }
  out.log_spectral_distance_db /= static_cast<double>(std::max<size_t>(windows, 1));
  out.segmental_snr_db /= static_cast<double>(std::max<size_t>(frames, 1));
  return out;
}

}  // namespace sluice::quality
