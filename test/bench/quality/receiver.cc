#include "test/bench/quality/receiver.h"

#include "source/codec/opus_toc.h"

namespace sluice::quality {
namespace {

bool hasLbrr(Bytes payload) {
  const auto info = opus::parse(payload);
  return info && info->has_lbrr;
}

Played::Kind fill(media::OpusDecoder& decoder, Bytes next, media::MutablePcm out) {
  if (hasLbrr(next)) {
    decoder.decodeFec(next, out);
    return Played::kRecovered;
  }
  decoder.conceal(out);
  return Played::kConcealed;
}

}  // namespace

void FixedBuffer::onFrame(size_t frame, size_t, Bytes payload, Instant now) {
  if (!started_) {
    started_ = true;
    start_ = now + delay_ - kFrame * static_cast<int64_t>(frame);
  }
  if (frame >= next_) waiting_.try_emplace(frame, payload.begin(), payload.end());
}

std::optional<Played> FixedBuffer::play(Instant, media::MutablePcm out) {
  const size_t frame = next_++;
  if (const auto here = waiting_.extract(frame)) {
    decoder_.decode(here.mapped(), out);
    paused_ = opus::isDtx(here.mapped());
    return Played{Played::kReceived, frame};
  }
  const auto after = waiting_.find(frame + 1);
  const bool helps = use_fec_ && after != waiting_.end();
  if (paused_ && !(helps && hasLbrr(after->second))) {
    decoder_.conceal(out);
    return Played{Played::kPause, frame};
  }
  return Played{fill(decoder_, helps ? Bytes(after->second) : Bytes(), out), frame};
}

void AdaptiveBuffer::onFrame(size_t frame, size_t sequence, Bytes payload, Instant now) {
  const auto timestamp = static_cast<uint32_t>(frame * kFrameSamples);
  const auto insertion = buffer_.insert(static_cast<uint16_t>(sequence), timestamp, kFrameSamples, now);
  if (insertion.verdict != media::JitterBuffer::Verdict::kHeld) return;
  held_[insertion.place].assign(payload.begin(), payload.end());
  if (started_) return;
  started_ = true;
  next_ = frame;
  next_due_ = buffer_.due();
}

Instant AdaptiveBuffer::due() const {
  return started_ && buffer_.size() == 0 ? next_due_ : buffer_.due();
}

std::optional<Played> AdaptiveBuffer::play(Instant now, media::MutablePcm out) {
  using Kind = media::JitterBuffer::Out::Kind;
  if (buffer_.size() == 0) {
    decoder_.conceal(out);
    next_due_ += kFrame;
    return Played{paused_ ? Played::kPause : Played::kConcealed, next_++};
  }
  const auto next = buffer_.pop(now);
  if (next.kind != Kind::kFrame && next.kind != Kind::kGap) return std::nullopt;
  const size_t frame = next.timestamp / kFrameSamples;
  if (frame < next_) return std::nullopt;
  next_ = frame + 1;
  next_due_ = next.due + kFrame;
  if (next.kind == Kind::kFrame) {
    decoder_.decode(held_[next.place], out);
    paused_ = opus::isDtx(held_[next.place]);
    return Played{Played::kReceived, frame};
  }
  const bool helps = use_fec_ && next.left == 0;
  return Played{fill(decoder_, helps ? Bytes(held_[next.place]) : Bytes(), out), frame};
}

Instant AdaptiveBuffer::deadline(size_t frame) const {
  return next_due_ + kFrame * (static_cast<int64_t>(frame) - static_cast<int64_t>(next_));
}

}  // namespace sluice::quality
