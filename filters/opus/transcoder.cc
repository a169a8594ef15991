#include "filters/opus/transcoder.h"

#include <algorithm>
#include <cassert>

namespace sluice::opus_filter {
namespace {

constexpr size_t kConcealStep = 120;  // 2.5 ms, libopus' step of concealment

}  // namespace

void Transcoder::reset() {
  decoder_.reset();
  encoder_.reset();
  audio_.fill(0);
  size_ = 0;
  started_ = false;
}

void Transcoder::apply(const media::Profile& profile) {
  const bool other_bandwidth = profile.bandwidth != profile_.bandwidth;
  assert(profile.samples() <= kPast);
  profile_ = profile;
  encoder_.apply(profile);
  if (!other_bandwidth) return;
  // By itself, SILK changes its bandwidth only in the next pause, which may be far off. So the encoder is
  // reset and given the last audio once more.
  encoder_.reset();
  uint8_t unused[media::kMaxOpusFrame];
  encoder_.encode(media::Pcm(audio_).first(kPast).last(profile.samples()), unused);
}

size_t Transcoder::completeUntil(uint32_t timestamp) {
  const auto ahead = static_cast<int32_t>(timestamp - end());
  if (size_ == 0 || size_ >= profile_.samples() || ahead <= 0) return 0;
  const size_t wanted = std::min(static_cast<size_t>(ahead), profile_.samples() - size_);
  const size_t before = size_;
  addMissing({}, wanted / kConcealStep * kConcealStep);
  return size_ - before;
}

void Transcoder::startAt(uint32_t timestamp) {
  const bool later = static_cast<int32_t>(timestamp - timestamp_) > 0;
  if (!started_ || (size_ == 0 && later)) timestamp_ = timestamp;
  started_ = true;
}

bool Transcoder::add(Bytes packet) {
  const size_t samples = decoder_.decode(packet, room().first(media::kMaxPacketSamples));
  size_ += samples;
  return samples > 0;
}

void Transcoder::addMissing(Bytes next, size_t samples) {
  if (samples == 0) return;
  const media::MutablePcm out = room().first(std::min(samples, media::kMaxPacketSamples));
  size_ += next.empty() ? decoder_.conceal(out) : decoder_.decodeFec(next, out);
}

std::optional<Transcoder::Frame> Transcoder::encode(MutableBytes out) {
  const size_t samples = profile_.samples();
  if (size_ < samples) return std::nullopt;
  const Frame frame{encoder_.encode(media::Pcm(audio_).subspan(kPast, samples), out), timestamp_};
  std::copy_n(audio_.begin() + static_cast<ptrdiff_t>(samples), kPast + size_ - samples, audio_.begin());
  size_ -= samples;
  timestamp_ += static_cast<uint32_t>(samples);
  return frame;
}

}  // namespace sluice::opus_filter
