// The receiver's end: accepts frames as they arrive and plays audio. Strategies are built from these.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "source/media/jitter_buffer.h"
#include "test/bench/quality/codec.h"
#include "test/support/jitter_buffer_config.h"

namespace sluice::quality {

struct Played {
  enum Kind {
    kReceived,
    kRecovered,  // from the LBRR of the next packet
    kConcealed,
    kPause,  // comfort noise, because a DTX packet was the last one
  } kind;
  size_t frame;  // of the speech; increases, but may skip numbers
};

class Receiver {
 public:
  virtual ~Receiver() = default;

  // An encoded frame arrived, in any order and possibly more than once. `sequence` counts the frames that
  // were sent.
  virtual void onFrame(size_t frame, size_t sequence, Bytes payload, Instant now) = 0;
  // The time of the next action; Instant::max() if none is due until another frame arrives.
  virtual Instant due() const = 0;
  // Called at due() or soon after. Plays 20 ms into `out`, unless the action was another one.
  virtual std::optional<Played> play(Instant now, media::MutablePcm out) = 0;
  // The time at which this frame will play, as far as is known now; frames that arrive later are useless.
  virtual Instant deadline(size_t frame) const = 0;
};

// Begins to play a fixed time after the first frame arrived, and continues forever. It has no policy: the
// baseline.
class FixedBuffer final : public Receiver {
 public:
  FixedBuffer(bool use_fec, Duration delay) : use_fec_(use_fec), delay_(delay) {}

  void onFrame(size_t frame, size_t sequence, Bytes payload, Instant now) override;
  Instant due() const override { return started_ ? deadline(next_) : Instant::max(); }
  std::optional<Played> play(Instant now, media::MutablePcm out) override;
  Instant deadline(size_t frame) const override { return start_ + kFrame * static_cast<int64_t>(frame); }

 private:
  const bool use_fec_;
  const Duration delay_;
  bool started_ = false;
  Instant start_{};  // of frame 0
  size_t next_ = 0;
  std::map<size_t, Payload> waiting_;
  bool paused_ = false;
  media::OpusDecoder decoder_;
};

// media::JitterBuffer, which follows the jitter, and a player that conceals while the buffer is empty. A
// frame that arrives after it was concealed is useless.
class AdaptiveBuffer final : public Receiver {
 public:
  // LBRR is useful only if the next packet has arrived in time.
  explicit AdaptiveBuffer(bool use_fec) : use_fec_(use_fec), buffer_(configFor(use_fec)) {}

  void onFrame(size_t frame, size_t sequence, Bytes payload, Instant now) override;
  Instant due() const override;
  std::optional<Played> play(Instant now, media::MutablePcm out) override;
  Instant deadline(size_t frame) const override;

 private:
  static media::JitterBuffer::Config configFor(bool use_fec) {
    media::JitterBuffer::Config config = test::impatientBuffer();
    if (use_fec) config.delay.floor = 30ms;
    return config;
  }

  const bool use_fec_;
  media::JitterBuffer buffer_;
  std::array<Payload, media::JitterBuffer::kMaxFrames> held_;
  bool started_ = false;
  size_t next_ = 0;  // the frame to play
  Instant next_due_{};
  bool paused_ = false;
  media::OpusDecoder decoder_;
};

}  // namespace sluice::quality
