#include "test/bench/quality/audio.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <string>

namespace sluice::quality {
namespace {

uint32_t little32(const uint8_t* p) {
  return uint32_t{p[3]} << 24 | uint32_t{p[2]} << 16 | uint32_t{p[1]} << 8 | p[0];
}
uint16_t little16(const uint8_t* p) {
  return static_cast<uint16_t>(p[1] << 8 | p[0]);
}

// Upsamples only: a sinc in a Hann window of 32 samples of the lower rate.
Samples resample(const Samples& in, uint32_t rate) {
  constexpr int kHalf = 16;
  Samples out(static_cast<size_t>(static_cast<double>(in.size()) * kRate / rate));
  for (size_t i = 0; i < out.size(); ++i) {
    const double at = static_cast<double>(i) * rate / kRate;
    const auto middle = static_cast<long>(at);
    double sum = 0;
    for (long n = middle - kHalf + 1; n <= middle + kHalf; ++n) {
      if (n < 0 || n >= static_cast<long>(in.size())) continue;
      const double x = at - static_cast<double>(n);
      const double sinc = x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
      const double window = 0.5 + 0.5 * std::cos(std::numbers::pi * x / kHalf);
      sum += in[static_cast<size_t>(n)] * sinc * window;
    }
    out[i] = static_cast<int16_t>(std::lround(std::clamp(sum, -32768.0, 32767.0)));
  }
  return out;
}

}  // namespace

Samples readWav(Bytes file) {
  if (file.size() < 12 || std::memcmp(&file[0], "RIFF", 4) != 0 || std::memcmp(&file[8], "WAVE", 4) != 0) {
    return {};
  }
  uint32_t rate = 0;
  for (size_t at = 12; at + 8 <= file.size();) {
    const Bytes name = file.subspan(at, 4);
    const size_t size = std::min<size_t>(little32(&file[at + 4]), file.size() - at - 8);
    const Bytes chunk = file.subspan(at + 8, size);
    if (asText(name) == "fmt " && size >= 16) {
      const bool pcm16_mono =
          little16(&chunk[0]) == 1 && little16(&chunk[2]) == 1 && little16(&chunk[14]) == 16;
      if (!pcm16_mono) return {};
      rate = little32(&chunk[4]);
    } else if (asText(name) == "data") {
      if (rate == 0 || rate > kRate) return {};
      Samples samples(size / 2);
      for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<int16_t>(little16(&chunk[2 * i]));
      return resample(samples, rate);
    }
    at += 8 + size + size % 2;
  }
  return {};
}

Samples speak(const char* voice, const char* text) {
  const std::string command = std::string("espeak-ng --stdout -v ") + voice + " \"" + text + "\"";
  std::vector<uint8_t> wav;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    uint8_t buffer[65536];
    while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) wav.insert(wav.end(), buffer, buffer + n);
    pclose(pipe);
  }
  Samples samples = readWav(wav);
  if (samples.empty()) {
    std::fprintf(stderr, "espeak-ng has no output for voice %s; is it installed?\n", voice);
    std::exit(1);
  }
  return samples;
}

}  // namespace sluice::quality
