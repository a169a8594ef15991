#include "source/media/concealer.h"

#include <algorithm>

namespace sluice::media {
namespace {

// How much earlier audio the encoder is given before the frame that is used, in samples. More of it or a
// higher complexity hardly brings the result closer to the decoder's own FEC; more bits move it away.
constexpr size_t kPriming = 1920;
constexpr unsigned kComplexity = 4;
// The receiver's decoder has a different history from this encoder, so the frame should depend on it less.
constexpr unsigned kDistrust = 20;

bool isFrame(size_t samples) {
  return samples == 480 || samples == 960 || samples == 1920 || samples == 2880;
}

// High: a coarse copy should not become coarser, and only few packets are affected.
uint32_t bitrateFor(opus::Bandwidth bandwidth) {
  static constexpr uint32_t kBitrates[] = {24'000, 32'000, 40'000, 64'000, 64'000};
  return kBitrates[static_cast<size_t>(bandwidth)];
}

}  // namespace

void writeEmptyPacket(Bytes like, uint8_t* out) {
  const auto info = opus::parse(like);
  const unsigned frames = info ? info->frame_count : 1;
  // Code 3: constant size, zero bytes of padding (RFC 6716 section 3.2.5).
  out[0] = static_cast<uint8_t>(like[0] | 3);
  out[1] = static_cast<uint8_t>(0x40 | frames);
  out[2] = 0;
}

void writeDtxPacket(Bytes like, uint8_t* out) {
  const auto info = opus::parse(like);
  // Code 3 without data: frames of zero bytes (RFC 6716 section 3.2.5).
  out[0] = static_cast<uint8_t>(like[0] | 3);
  out[1] = static_cast<uint8_t>(info ? info->frame_count : 1);
}

void Concealer::remember(Bytes payload) {
  Recent& recent = recent_[count_++ % kRemembered];
  recent.missing = 0;
  recent.size = static_cast<uint16_t>(payload.size() <= kMaxSize ? payload.size() : 0);
  std::copy_n(payload.begin(), recent.size, recent.bytes.begin());
}

void Concealer::miss(size_t samples) {
  if (count_ == 0) return;
  Recent& recent = recent_[(count_ - 1) % kRemembered];
  recent.missing = static_cast<uint16_t>(std::min(recent.missing + samples, kMaxPacketSamples));
}

Bytes Concealer::last() const {
  if (count_ == 0) return {};
  const Recent& recent = recent_[(count_ - 1) % kRemembered];
  return Bytes(recent.bytes).first(recent.size);
}

size_t Concealer::cost(size_t samples) const {
  constexpr size_t kEncoding = 4;  // the frame is decoded, the next one too, and two are encoded
  size_t cost = kEncoding * samples;
  for (size_t i = count_ - std::min(count_, kRemembered); i < count_; ++i) {
    const Recent& recent = recent_[i % kRemembered];
    const auto info = opus::parse(Bytes(recent.bytes).first(recent.size));
    cost += recent.missing + (info ? info->samples() : 0);
  }
  return cost;
}

size_t Concealer::rebuild(ConcealerTools& tools, Bytes next, size_t samples, MutableBytes out) const {
  const auto info = opus::parse(next);
  if (!info || !info->has_lbrr || !isFrame(samples)) return 0;

  // One run of audio: earlier audio, the missing part, later audio.
  tools.decoder.reset();
  MutablePcm rest(tools.pcm);
  const auto advance = [&](size_t n) { rest = rest.subspan(n); };
  for (size_t i = count_ - std::min(count_, kRemembered); i < count_; ++i) {
    const Recent& recent = recent_[i % kRemembered];
    advance(tools.decoder.decode(Bytes(recent.bytes).first(recent.size), rest.first(kMaxPacketSamples)));
    if (recent.missing > 0) advance(tools.decoder.conceal(rest.first(recent.missing)));
  }
  const size_t gap = tools.pcm.size() - rest.size();
  advance(tools.decoder.decodeFec(next, rest.first(samples)));
  advance(tools.decoder.decode(next, rest.first(kMaxPacketSamples)));

  // A decoder's output is later than the encoder's input by the look-ahead, so the encoder gets audio from
  // that much later.
  const size_t begin = gap + OpusEncoder::kLookAhead;
  if (begin + samples > tools.pcm.size() - rest.size()) return 0;
  tools.encoder.reset();
  tools.encoder.apply({.bandwidth = info->bandwidth,
                       .frame_ms = static_cast<unsigned>(samples / 48),
                       .mode = info->mode,
                       .expected_loss_percent = kDistrust,
                       .complexity = kComplexity,
                       .bitrate_bps = bitrateFor(info->bandwidth)});
  size_t size = 0;
  const size_t primed = std::max<size_t>(1, kPriming / samples);
  for (size_t ago = std::min(primed, begin / samples) + 1; ago > 0; --ago) {
    size = tools.encoder.encode({&tools.pcm[begin - (ago - 1) * samples], samples}, out);
  }
  return size;
}

}  // namespace sluice::media
