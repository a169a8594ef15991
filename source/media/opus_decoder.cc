#include "source/media/opus_decoder.h"

#include <opus/opus.h>

#include <cassert>

namespace sluice::media {
namespace {

constexpr int kRate = 48'000;
constexpr int kChannels = 1;

auto* raw(const std::unique_ptr<std::byte[]>& state) {
  return reinterpret_cast<::OpusDecoder*>(state.get());
}

}  // namespace

OpusDecoder::OpusDecoder() : state_(new std::byte[static_cast<size_t>(opus_decoder_get_size(kChannels))]) {
  [[maybe_unused]] const int error = opus_decoder_init(raw(state_), kRate, kChannels);
  assert(error == OPUS_OK);
}

void OpusDecoder::reset() {
  opus_decoder_ctl(raw(state_), OPUS_RESET_STATE);
}

size_t OpusDecoder::run(Bytes packet, MutablePcm out, bool fec) {
  const int samples = opus_decode(raw(state_), packet.data(), static_cast<int32_t>(packet.size()), out.data(),
                                  static_cast<int>(out.size()), fec ? 1 : 0);
  return samples < 0 ? 0 : static_cast<size_t>(samples);
}

size_t OpusDecoder::decode(Bytes packet, MutablePcm out) {
  return packet.empty() ? 0 : run(packet, out, false);  // libopus takes an empty one for a lost one
}

size_t OpusDecoder::decodeFec(Bytes next, MutablePcm out) {
  return next.empty() ? 0 : run(next, out, true);
}

size_t OpusDecoder::conceal(MutablePcm out) {
  return run({}, out, false);
}

}  // namespace sluice::media
