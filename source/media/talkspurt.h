// The expected arrival times of packets in a stream with discontinuous transmission (DTX). Pure.
#pragma once

#include <cstdint>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::media {

// The content of a packet.
struct Frame {
  Duration duration = 20ms;  // of its audio
  bool dtx = false;          // it marks the beginning of a pause: the next packet may arrive much later
};

// Opus encoders send one DTX packet when a pause begins, then nothing but a frame of comfort noise and
// another DTX packet every 400 ms. Some send no DTX packet at all.
class Talkspurt {
 public:
  void begin(const Frame& frame) { *this = Talkspurt(frame); }
  // A packet arrived `steps` sequence numbers and `elapsed` of timestamp after the previous newest one.
  void advance(int64_t steps, Duration elapsed, const Frame& frame);

  // For packets missing between the newest one and the one that arrives now: how long before the latter the
  // packet `back` numbers before it should have arrived; `back` is less than `steps`.
  Duration age(int64_t back, int64_t steps, Duration elapsed) const;

  // The time from one packet to the next during speech.
  Duration frame() const { return newest_.duration; }
  // True if another packet follows the newest at once, even if only the one that begins a pause.
  bool continues() const { return marks_pauses_ && !newest_.dtx; }

  void archive(Archive& a) { a(newest_.duration, newest_.dtx, marks_pauses_); }

  Talkspurt() = default;

 private:
  explicit Talkspurt(const Frame& frame) : newest_(frame), marks_pauses_(frame.dtx) {}
  bool pauses(int64_t steps, Duration elapsed) const { return elapsed > (steps + 1) * newest_.duration; }

  Frame newest_;
  bool marks_pauses_ = false;
};

}  // namespace sluice::media
