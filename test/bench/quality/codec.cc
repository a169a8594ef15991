#include "test/bench/quality/codec.h"

#include <opus/opus.h>

#include <cstdio>
#include <cstdlib>

namespace sluice::quality {
namespace {

void require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "libopus: %s failed\n", what);
  std::exit(1);
}

}  // namespace

std::vector<Payload> encode(const Samples& samples, const EncoderSettings& settings) {
  struct Free {
    void operator()(OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }
  };
  int error = 0;
  const std::unique_ptr<OpusEncoder, Free> encoder(
      opus_encoder_create(kRate, 1, OPUS_APPLICATION_VOIP, &error));
  require(error == OPUS_OK, "opus_encoder_create");
  opus_encoder_ctl(encoder.get(), OPUS_SET_BITRATE(settings.bitrate));
  opus_encoder_ctl(encoder.get(), OPUS_SET_COMPLEXITY(settings.complexity));
  opus_encoder_ctl(encoder.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  opus_encoder_ctl(encoder.get(), OPUS_SET_INBAND_FEC(settings.fec ? 1 : 0));
  opus_encoder_ctl(encoder.get(), OPUS_SET_PACKET_LOSS_PERC(settings.expected_loss));
  std::vector<Payload> payloads;
  for (size_t at = 0; at + kFrameSamples <= samples.size(); at += kFrameSamples) {
    Payload payload(1275);
    const int size = opus_encode(encoder.get(), &samples[at], kFrameSamples, payload.data(),
                                 static_cast<opus_int32>(payload.size()));
    require(size > 0, "opus_encode");
    payload.resize(static_cast<size_t>(size));
    payloads.push_back(std::move(payload));
  }
  return payloads;
}

Decoder::Decoder() {
  int error = 0;
  decoder_.reset(opus_decoder_create(kRate, 1, &error));
  require(error == OPUS_OK, "opus_decoder_create");
}

void Decoder::Free::operator()(OpusDecoder* decoder) const {
  opus_decoder_destroy(decoder);
}

void Decoder::run(Bytes payload, bool fec, Out out) {
  const int samples = opus_decode(decoder_.get(), payload.empty() ? nullptr : payload.data(),
                                  static_cast<opus_int32>(payload.size()), out.data(), kFrameSamples, fec);
  require(samples == kFrameSamples, "opus_decode");
}

void Decoder::decode(Bytes payload, Out out) {
  run(payload, false, out);
}
void Decoder::recover(Bytes next, Out out) {
  run(next, true, out);
}
void Decoder::conceal(Out out) {
  run({}, false, out);
}

}  // namespace sluice::quality
