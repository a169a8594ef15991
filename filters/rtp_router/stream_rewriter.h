// One outgoing RTP stream made of several speakers, one after another: where the speaker changes, sequence
// numbers have no gap and timestamps advance by the time that passed. Loss and reordering of the source stay
// visible. Pure.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::rtp_router {

class StreamRewriter {
 public:
  // The arguments are random, as RFC 3550 section 5.1 recommends.
  StreamRewriter(uint16_t first_sequence, uint32_t first_timestamp)
      : highest_(static_cast<uint16_t>(first_sequence - 1)), timestamp_(first_timestamp) {}

  struct Out {
    uint16_t sequence;
    uint32_t timestamp;
    bool marker;  // the first packet of a speaker (RFC 3551 section 4.1: beginning of a talkspurt)
  };
  // `fresh`: the packet is the first of another speaker. Returns nothing for a packet from before the change,
  // whose numbers belong to the previous speaker, and for a number that was or may have been used: SRTP must
  // never encrypt two different packets under one number (RFC 7714 section 8.1).
  std::optional<Out> rewrite(uint16_t sequence, uint32_t timestamp, bool fresh, Instant now);

  // The next `numbers` sequence numbers are already used.
  void skip(uint16_t numbers);

  void archive(Archive& a) {
    a(started_, highest_, sent_, first_, near_first_, timestamp_, at_, sequence_offset_, timestamp_offset_);
  }

  // The stream's timestamp at `now`, for sender reports.
  uint32_t timestampAt(Instant now) const;

 private:
  static constexpr uint32_t kClockRate = 48'000;  // Opus (RFC 7587 section 4.1)
  static constexpr uint32_t kFrame = 960;         // 20 ms: the least step at a change
  static uint32_t units(Duration duration) { return static_cast<uint32_t>(duration.count() * 6 / 125'000); }

  bool started_ = false;
  uint16_t highest_;        // sent so far
  std::bitset<128> sent_;   // bit i: highest_ - i was sent
  uint16_t first_ = 0;      // the first one of the current speaker
  bool near_first_ = true;  // a packet may still be from before it
  uint32_t timestamp_;      // of highest_
  Instant at_{};            // when highest_ was sent
  uint16_t sequence_offset_ = 0;
  uint32_t timestamp_offset_ = 0;
};

}  // namespace sluice::rtp_router
