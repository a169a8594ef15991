// libopus for the benchmark.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "test/bench/quality/audio.h"

struct OpusEncoder;
struct OpusDecoder;

namespace sluice::quality {

using Payload = std::vector<uint8_t>;

struct EncoderSettings {
  int bitrate = 32'000;  // what WebRTC asks for mono voice
  int complexity = 9;
  bool fec = false;
  int expected_loss = 0;  // percent
};

// All frames of a piece, as WebRTC would encode them. What is left of a last frame is cut off.
std::vector<Payload> encode(const Samples& samples, const EncoderSettings& settings);

class Decoder {
 public:
  using Out = std::span<int16_t, kFrameSamples>;

  Decoder();
  void decode(Bytes payload, Out out);
  // The frame before `next`, from its low-bitrate copy there; libopus conceals when there is none.
  void recover(Bytes next, Out out);
  void conceal(Out out);

 private:
  void run(Bytes payload, bool fec, Out out);

  struct Free {
    void operator()(OpusDecoder* decoder) const;
  };
  std::unique_ptr<OpusDecoder, Free> decoder_;
};

}  // namespace sluice::quality
