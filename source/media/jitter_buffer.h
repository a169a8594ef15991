// Puts the frames of one RTP stream in order and decides when to play each. It manages places, not packets:
// the caller keeps the packets in an array of kMaxFrames, at the places that it returns. Pure, any clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "source/codec/sequence.h"
#include "source/media/playout_delay.h"

namespace sluice::media {

class JitterBuffer {
 public:
  static constexpr size_t kMaxFrames = 512;

  struct Config {
    size_t min_frames = 0;      // the capacity at start
    size_t max_frames = 0;      // at most kMaxFrames
    unsigned late_to_grow = 0;  // this many late frames in a row make it grow
    double growth = 0;
    Duration calm{};    // this long without loss makes it shrink
    double shrink = 0;  // by this share
    // True: wait for a missing frame until the next held one is due, for callers that do not fill gaps.
    // False: wait until its own time, or one frame longer while the frame right after it is missing too.
    bool patient = true;
    PlayoutDelay::Config delay{};
  };

  enum class Verdict {
    kHeld,
    kDuplicate,
    kLate,  // its place has passed
    kFull,  // no room until the earliest leaves: pop(Instant::max()), then insert again
  };
  struct Insertion {
    Verdict verdict;
    size_t place;  // of kHeld
  };

  struct Out {
    enum class Kind {
      kNothing,  // nothing is due
      kFrame,
      kStale,  // a frame whose timestamp does not rise: drop it
      kGap,    // a frame that did not arrive in time
    };
    Kind kind = Kind::kNothing;
    size_t place = 0;  // of the frame; of the next frame after a gap
    uint16_t sequence = 0;
    uint32_t timestamp = 0;
    uint32_t samples = 0;
    Instant due{};
    size_t index = 0;  // of a gap: how many frames before this one are missing
    size_t left = 0;   // of a gap: how many after it
  };

  explicit JitterBuffer(const Config& config) { reset(config); }

  // A new stream. The caller has emptied the buffer.
  void reset(const Config& config);
  // Takes effect with the next frame; keeps what is held and measured.
  void configure(const Config& config);

  // False: the frame belongs to another timeline; pop all and reset.
  bool continues(uint32_t timestamp, Instant arrival) const;
  Insertion insert(uint16_t sequence, uint32_t timestamp, uint32_t samples, Instant arrival);
  // This sequence number carries no frame for this buffer, and is not missing.
  void pass(uint16_t sequence);

  Out pop(Instant now);
  // The time from which on pop() returns something; Instant::max() if it never will.
  Instant due() const;

  // Valid only while nothing is held and after a frame has left. nextDue(): when the next frame is due.
  // giveUpNext(): returns that frame as a gap and stops waiting for it; `after`: how many samples later its
  // substitute is.
  Instant nextDue() const { return delay_.playout(last_timestamp_ + last_samples_); }
  Out giveUpNext(uint32_t after);

  size_t size() const { return held_; }
  size_t capacity() const { return capacity_; }
  const PlayoutDelay& delay() const { return delay_; }

 private:
  enum class State : uint8_t { kEmpty, kHeld, kPassed };
  struct Slot {
    int64_t timestamp = 0;
    uint32_t samples = 0;
    State state = State::kEmpty;
  };
  struct Missing {
    int64_t timestamp;
    uint32_t samples;  // 0: only sequence numbers are missing, no time
  };

  static size_t place(int64_t sequence) { return static_cast<size_t>(sequence) % kMaxFrames; }
  Slot& at(int64_t sequence) { return slots_[place(sequence)]; }
  const Slot& at(int64_t sequence) const { return slots_[place(sequence)]; }
  int64_t unroll(uint32_t timestamp) const;
  Verdict onBehind(int64_t sequence, int64_t timestamp, Instant arrival);
  void skipTo(int64_t sequence);
  void skipPassed();
  size_t countMissing() const;
  Missing missing() const;
  Out takeMissing(const Missing& gap, Instant due);
  Out takeFrame(Instant due);

  Config config_;
  PlayoutDelay delay_{{}};
  std::array<Slot, kMaxFrames> slots_;
  rtp::SequenceExtender sequences_;
  size_t capacity_ = 0;
  size_t held_ = 0;
  int64_t head_ = 0;       // the next sequence to leave
  int64_t next_held_ = 0;  // the first one that is held, if any
  bool started_ = false;   // a frame has left
  uint64_t released_ = 0;  // bit i: sequence head_ - 1 - i left as a frame
  size_t gap_index_ = 0;   // missing ones before head_, in a row

  int64_t newest_timestamp_ = 0;
  int64_t last_timestamp_ = 0;  // of the last one that left
  uint32_t last_samples_ = 0;
  unsigned late_in_row_ = 0;
  Instant calm_since_{};
};

}  // namespace sluice::media
