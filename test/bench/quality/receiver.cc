#include "test/bench/quality/receiver.h"

#include "source/codec/opus_toc.h"

namespace sluice::quality {

void FixedBuffer::onFrame(size_t frame, Bytes payload, Instant now) {
  if (!started_) {
    started_ = true;
    start_ = now + delay_ - kFrame * static_cast<int64_t>(frame);
  }
  if (frame >= next_) waiting_.try_emplace(frame, payload.begin(), payload.end());
}

Played FixedBuffer::play(Decoder::Out out) {
  const size_t frame = next_++;
  if (const auto here = waiting_.extract(frame)) {
    decoder_.decode(here.mapped(), out);
    return {Played::kReceived, frame};
  }
  const auto after = waiting_.find(frame + 1);
  if (use_fec_ && after != waiting_.end()) {
    const auto info = opus::parse(after->second);
    if (info && info->has_lbrr) {
      decoder_.recover(after->second, out);
      return {Played::kRecovered, frame};
    }
  }
  decoder_.conceal(out);
  return {Played::kConcealed, frame};
}

}  // namespace sluice::quality
