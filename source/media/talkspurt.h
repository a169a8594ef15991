// When the packets of a stream with discontinuous transmission (DTX) should come. Pure.
#pragma once

#include <cstdint>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::media {

// What a packet holds.
struct Frame {
  Duration duration = 20ms;  // of its sound
  bool dtx = false;          // it says that a pause begins: the next packet may come much later
};

// Opus encoders send one DTX packet when a pause begins, then nothing but a frame of comfort noise and
// another DTX packet every 400 ms. Some send no DTX packet at all.
class Talkspurt {
 public:
  void begin(const Frame& frame) { *this = Talkspurt(frame); }
  // The newest packet came `steps` sequence numbers and `elapsed` of timestamps after the newest one before.
  void advance(int64_t steps, Duration elapsed, const Frame& frame);

  // Of the packets that are missing between the newest one and the one that comes now: how long before this
  // one the packet `back` numbers before it should have come; `back` is less than `steps`.
  Duration age(int64_t back, int64_t steps, Duration elapsed) const;

  // From one packet to the next while somebody speaks.
  Duration frame() const { return newest_.duration; }
  // After the newest packet another one follows at once, be it only the one that begins a pause.
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
