#include "source/media/opus_encoder.h"

#include <opus/opus.h>

#include <cassert>

namespace sluice::media {
namespace {

constexpr int kRate = 48'000;
constexpr int kChannels = 1;

// From libopus' opus_private.h, unchanged since 1.0: which of its two codecs to use.
constexpr int kSetForceMode = 11002;
constexpr int kSilkOnly = 1000;

auto* raw(const std::unique_ptr<std::byte[]>& state) {
  return reinterpret_cast<::OpusEncoder*>(state.get());
}

}  // namespace

OpusEncoder::OpusEncoder() : state_(new std::byte[static_cast<size_t>(opus_encoder_get_size(kChannels))]) {
  [[maybe_unused]] const int error = opus_encoder_init(raw(state_), kRate, kChannels, OPUS_APPLICATION_VOIP);
  assert(error == OPUS_OK);
  opus_encoder_ctl(raw(state_), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
}

void OpusEncoder::reset() {
  opus_encoder_ctl(raw(state_), OPUS_RESET_STATE);
}

void OpusEncoder::apply(const Profile& profile) {
  ::OpusEncoder* encoder = raw(state_);
  const int mode = profile.mode ? kSilkOnly + static_cast<int>(*profile.mode) : OPUS_AUTO;
  opus_encoder_ctl(encoder, kSetForceMode, mode);
  opus_encoder_ctl(encoder,
                   OPUS_SET_BANDWIDTH(OPUS_BANDWIDTH_NARROWBAND + static_cast<int>(profile.bandwidth)));
  opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(profile.fec ? 1 : 0));
  opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(static_cast<int>(profile.expected_loss_percent)));
  opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(static_cast<int>(profile.complexity)));
  opus_encoder_ctl(encoder, OPUS_SET_BITRATE(static_cast<int>(profile.bitrate_bps)));
}

size_t OpusEncoder::encode(std::span<const int16_t> pcm, MutableBytes out) {
  const int size = opus_encode(raw(state_), pcm.data(), static_cast<int>(pcm.size()), out.data(),
                               static_cast<int32_t>(out.size()));
  return size < 0 ? 0 : static_cast<size_t>(size);
}

}  // namespace sluice::media
