// Opus as the benchmark uses it.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "source/media/opus_decoder.h"
#include "source/media/opus_encoder.h"
#include "test/bench/quality/audio.h"

namespace sluice::quality {

using Payload = std::vector<uint8_t>;

// Encodes as WebRTC does for one voice; with `fec`, for a line that loses a seventh.
inline media::Profile profile(bool fec) {
  return {.fec = fec, .expected_loss_percent = fec ? 15u : 0u, .complexity = 9, .bitrate_bps = 32'000};
}

// Whole frames; the remainder is cut off.
inline std::vector<Payload> encode(const Samples& samples, const media::Profile& profile) {
  media::OpusEncoder encoder;
  encoder.apply(profile);
  std::vector<Payload> payloads;
  for (size_t at = 0; at + kFrameSamples <= samples.size(); at += kFrameSamples) {
    Payload payload(1275);
    payload.resize(encoder.encode({&samples[at], kFrameSamples}, payload));
    payloads.push_back(std::move(payload));
  }
  return payloads;
}

// The same with discontinuous transmission, as WebRTC sends it: after 200 ms of silence one DTX packet, then
// nothing (empty payloads) except a frame and another DTX packet every 400 ms.
inline std::vector<Payload> withPauses(const Samples& samples, std::vector<Payload> speech) {
  constexpr size_t kHangover = 10;
  constexpr size_t kUpdate = 20;
  constexpr int16_t kSilence = 100;
  size_t silent = 0;
  for (size_t n = 0; n < speech.size(); ++n) {
    const auto frame = samples.begin() + static_cast<ptrdiff_t>(n * kFrameSamples);
    const bool silence =
        std::all_of(frame, frame + kFrameSamples, [](int16_t sample) { return std::abs(sample) < kSilence; });
    silent = silence ? silent + 1 : 0;
    if (silent <= kHangover) continue;
    const size_t in_update = (silent - kHangover - 1) % (kUpdate + 1);
    if (in_update == 0) speech[n].resize(1);
    if (in_update > 0 && in_update < kUpdate) speech[n].clear();
  }
  return speech;
}

// The audio when nothing is lost.
inline Samples decode(const std::vector<Payload>& speech) {
  media::OpusDecoder decoder;
  Samples out(speech.size() * kFrameSamples);
  for (size_t n = 0; n < speech.size(); ++n)
    decoder.decode(speech[n], {&out[n * kFrameSamples], kFrameSamples});
  return out;
}

}  // namespace sluice::quality
