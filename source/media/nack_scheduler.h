// Tracks which packets of a stream are missing and when to request each. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/codec/sequence.h"
#include "source/media/delay_histogram.h"
#include "source/media/retransmission_times.h"
#include "source/media/talkspurt.h"

namespace sluice::media {

class NackScheduler {
 public:
  struct Config {
    Duration budget{};      // how late a packet may arrive
    Duration reordering{};  // how long it may be merely reordered, at least
    unsigned max_requests = 0;
  };
  static constexpr size_t kWindow = 256;   // packets that are remembered
  static constexpr int64_t kMaxGap = 100;  // a longer gap is not loss, but a stream that restarts

  enum class Arrival {
    kNew,
    kReordered,  // was missing, and is not a retransmission
    kRecovered,  // was missing, requested, and retransmitted
    kDuplicate,
    kOld,  // from before the window; a second one in a row restarts the stream
  };
  // Another stream of the same sender follows: forgets the packets, but keeps the counters.
  void restart() { started_ = false; }
  // `timestamp` at 48 kHz and `frame` give the expected arrival of the packets before it. A packet that
  // arrives sooner than `quickest_retransmission` after its request was merely reordered.
  Arrival onPacket(uint16_t sequence, uint32_t timestamp, const Frame& frame, Instant now,
                   Duration quickest_retransmission = {});
  // Another packet carried the missing one.
  void fill(uint16_t sequence);

  // Also true for the packet after the newest, if it was requested.
  bool isMissing(uint16_t sequence) const;
  // The expected arrival of a missing packet, as far as it is known; of one that arrived after all, by its
  // timestamp.
  Instant expected(uint16_t sequence) const { return at(extend(sequence)).expected; }

  // Writes the packets to request now, in rising order, and counts them as requested. The last one may be the
  // one after the newest: if the packet that begins a pause is lost, nothing else reveals it. `round_trip`:
  // as RTCP measured it; 0: unknown.
  size_t takeRequests(const Config& config, Instant now, Duration round_trip, std::span<uint16_t> out);
  // The time at which takeRequests() has work again; Instant::max(): no packet is worth requesting.
  Instant nextNack(const Config& config, Instant now, Duration round_trip);

  // The lateness that nearly no reordered packet exceeds; 0: packets arrive in order.
  Duration reordering() const { return reordering_; }
  // The time that nearly no recent retransmission exceeded; the round trip until there are any.
  Duration retransmissionTime(Instant now, Duration round_trip) const;

  // Archives which packets are missing and requested. The line's properties are measured again.
  void archive(Archive& a) {
    a(started_, has_old_, last_old_, lost_, bursts_, returned_);
    if (started_) a(highest_, timestamp_, arrived_, talkspurt_, oldest_missing_, entries_, next_);
  }

  uint64_t lost() const { return lost_; }          // packets that were missing when later ones arrived
  uint64_t bursts() const { return bursts_; }      // runs of them
  uint64_t returned() const { return returned_; }  // missing ones that arrived after all

 private:
  enum class State : uint8_t { kUnknown, kReceived, kMissing };
  struct Entry {
    State state = State::kUnknown;
    uint8_t requests = 0;
    bool too_late = false;                                 // it was not requested in time
    std::chrono::duration<uint32_t, std::micro> waited{};  // from noticing the gap to the first request
    Instant expected{};
    Instant requested{};  // or noticed, if not requested yet
    void archive(Archive& a) { a(state, requests, too_late, expected, requested); }
  };
  Entry& at(int64_t extended) { return entries_[static_cast<size_t>(extended) % kWindow]; }
  const Entry& at(int64_t extended) const { return entries_[static_cast<size_t>(extended) % kWindow]; }
  int64_t extend(uint16_t sequence) const {
    return highest_ + rtp::sequenceDistance(static_cast<uint16_t>(highest_), sequence);
  }
  void begin(uint16_t sequence, uint32_t timestamp, const Frame& frame, Instant now);
  void advance(int64_t to, uint32_t timestamp, const Frame& frame, Instant now);
  void expectNext(Instant now);
  Instant expectedAt(uint32_t timestamp) const;
  // True if the packet is the retransmission for a request that was made before anything revealed its loss.
  bool isNextRetransmitted(uint32_t timestamp, const Frame& frame, Instant now,
                           Duration quickest_retransmission) const;
  void onReordered(Duration late);
  // The time at which to request this entry; Instant::max(): never.
  Instant due(const Entry& entry, const Config& config, Duration retransmission) const;

  bool started_ = false;
  bool has_old_ = false;
  uint16_t last_old_ = 0;
  int64_t highest_ = 0;
  uint32_t timestamp_ = 0;  // of the highest
  Instant arrived_{};       // likewise
  Talkspurt talkspurt_;
  Entry next_;                  // the packet after the highest; missing if nothing else would reveal it
  int64_t oldest_missing_ = 0;  // no packet before it is to be requested
  std::array<Entry, kWindow> entries_;
  DelayHistogram lateness_;              // of packets that were not requested, against their order
  Duration reordering_{};                // how late nearly all of them are at most; 0: in order
  RetransmissionTimes retransmissions_;  // to first requests
  uint64_t lost_ = 0;
  uint64_t bursts_ = 0;
  uint64_t returned_ = 0;
};

}  // namespace sluice::media
