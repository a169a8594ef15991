// What stands at a listener's end: frames in as they come, sound out as it plays. Strategies are made of
// these. A jitter buffer with another policy, or one behind a filter that conceals, is another Receiver.
#pragma once

#include <map>

#include "test/bench/quality/codec.h"

namespace sluice::quality {

struct Played {
  enum Kind {
    kReceived,
    kRecovered,
    kConcealed
  } kind;        // kRecovered: from the next packet's low-bitrate copy
  size_t frame;  // of the speech; a number may be left out, not come twice
};

class Receiver {
 public:
  virtual ~Receiver() = default;

  // An encoded frame came, in whatever way: any order, and more than once.
  virtual void onFrame(size_t frame, Bytes payload, Instant now) = 0;
  // When the next 20 ms play; Instant::max() before the first frame.
  virtual Instant due() const = 0;
  // Called at due().
  virtual Played play(Decoder::Out out) = 0;
  // When this frame plays as far as is known now; what comes later than that is of no use.
  virtual Instant deadline(size_t frame) const = 0;
};

// Begins to play a fixed time after the first frame came, and goes on for ever. Without policy: the base
// line.
class FixedBuffer final : public Receiver {
 public:
  FixedBuffer(bool use_fec, Duration delay) : use_fec_(use_fec), delay_(delay) {}

  void onFrame(size_t frame, Bytes payload, Instant now) override;
  Instant due() const override { return started_ ? deadline(next_) : Instant::max(); }
  Played play(Decoder::Out out) override;
  Instant deadline(size_t frame) const override { return start_ + kFrame * static_cast<int64_t>(frame); }

 private:
  const bool use_fec_;
  const Duration delay_;
  bool started_ = false;
  Instant start_{};  // of frame 0
  size_t next_ = 0;
  std::map<size_t, Payload> waiting_;
  Decoder decoder_;
};

}  // namespace sluice::quality
