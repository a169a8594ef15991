#include "test/support/voice_signal.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <random>

namespace sluice::test {
namespace {

constexpr double kRate = 48'000;
constexpr double kPi = std::numbers::pi;

struct Vowel {
  double formants[3];
};
constexpr Vowel kVowels[] = {
    {{730, 1090, 2440}}, {{270, 2290, 3010}}, {{530, 1840, 2480}}, {{570, 840, 2410}}, {{300, 870, 2240}}};

double envelope(const double (&formants)[3], double hz) {
  double gain = 0;
  for (int i = 0; i < 3; ++i) {
    const double width = 60 + 40 * i;
    const double away = (hz - formants[i]) / width;
    gain += 1 / (1 + away * away) / (i + 1);
  }
  return gain + 0.002;
}

using Spectrum = std::vector<std::complex<double>>;

// In place; the size is a power of two.
void fft(Spectrum& x) {
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (size_t half = 1; half < n; half *= 2) {
    const auto step = std::polar(1.0, -kPi / static_cast<double>(half));
    for (size_t at = 0; at < n; at += 2 * half) {
      std::complex<double> turn = 1;
      for (size_t i = at; i < at + half; ++i, turn *= step) {
        const auto odd = turn * x[i + half];
        x[i + half] = x[i] - odd;
        x[i] += odd;
      }
    }
  }
}

constexpr size_t kWindow = 1024;

// The power of each bin up to 8 kHz.
std::vector<double> powers(std::span<const int16_t> samples) {
  Spectrum x(kWindow);
  for (size_t i = 0; i < kWindow; ++i) {
    x[i] = samples[i] * (0.5 - 0.5 * std::cos(2 * kPi * static_cast<double>(i) / kWindow));
  }
  fft(x);
  std::vector<double> result;
  for (size_t i = 1; i < kWindow * 8 / 48; ++i) result.push_back(std::norm(x[i]) / kWindow);
  return result;
}

}  // namespace

std::vector<int16_t> voiceSignal(double seconds, double pitch_hz, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<> noise;
  std::vector<int16_t> out(static_cast<size_t>(seconds * kRate));
  double formants[3] = {500, 1500, 2500};
  double target[3] = {500, 1500, 2500};
  double phase = 0;
  double loudness = 0;
  double wanted = 0;
  bool hiss = false;
  double last_noise = 0;
  std::vector<double> gains;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i % 7200 == 0) {  // a sound of 150 ms
      const unsigned kind = random() % 8;
      hiss = kind == 0;
      wanted = kind == 1 ? 0 : hiss ? 0.1 : 0.5 + 0.05 * (random() % 10);
      const Vowel& vowel = kVowels[random() % 5];
      std::copy(std::begin(vowel.formants), std::end(vowel.formants), target);
    }
    const double t = static_cast<double>(i) / kRate;
    const double pitch =
        pitch_hz * (1 + 0.15 * std::sin(2 * kPi * 0.7 * t) + 0.01 * std::sin(2 * kPi * 5 * t));
    phase += pitch / kRate;
    phase -= std::floor(phase);
    loudness += (wanted - loudness) / 480;
    if (i % 240 == 0) {
      for (int f = 0; f < 3; ++f) formants[f] += (target[f] - formants[f]) / 6;
      gains.clear();
      for (double hz = pitch; hz < 7000; hz += pitch) gains.push_back(envelope(formants, hz));
    }
    double sample = 0;
    const double fresh = noise(random);
    if (hiss) {
      sample = fresh - 0.9 * last_noise;
    } else {
      for (size_t h = 0; h < gains.size(); ++h) {
        sample += gains[h] *
                  std::sin(2 * kPi * phase * static_cast<double>(h + 1) + 0.3 * static_cast<double>(h * h));
      }
      sample += 0.01 * fresh;
    }
    last_noise = fresh;
    out[i] = static_cast<int16_t>(std::clamp(sample * loudness * 7000, -32000.0, 32000.0));
  }
  return out;
}

double logSpectralDistance(std::span<const int16_t> reference, std::span<const int16_t> other) {
  constexpr double kFloor = 100;  // inaudible
  double sum = 0;
  size_t frames = 0;
  const size_t size = std::min(reference.size(), other.size());
  for (size_t at = 0; at + kWindow <= size; at += 960) {
    const auto a = powers(reference.subspan(at, kWindow));
    const auto b = powers(other.subspan(at, kWindow));
    double energy = 0;
    double distance = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      energy += a[i];
      const double db = 10 * std::log10((a[i] + kFloor) / (b[i] + kFloor));
      distance += db * db;
    }
    if (energy / static_cast<double>(a.size()) < 4 * kFloor) continue;
    sum += std::sqrt(distance / static_cast<double>(a.size()));
    ++frames;
  }
  return frames == 0 ? 0 : sum / static_cast<double>(frames);
}

}  // namespace sluice::test
