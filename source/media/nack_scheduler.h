// Which packets of a stream are missing, and when to ask for which. Pure.
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
    Duration budget = 150ms;     // how late a packet may come
    Duration reordering = 10ms;  // how long it may be merely overtaken, at least
    unsigned max_requests = 3;
  };
  static constexpr size_t kWindow = 256;   // packets that are remembered
  static constexpr int64_t kMaxGap = 100;  // a longer one is not loss, but a stream that begins anew

  enum class Arrival {
    kNew,
    kReordered,  // missing so far, and no answer of the sender's
    kRecovered,  // missing, asked for, and sent again
    kDuplicate,
    kOld,  // from before the window; a second one in a row begins anew
  };
  // Another stream of the same sender follows: forgets the packets, and goes on counting.
  void restart() { started_ = false; }
  // `timestamp` at 48 kHz and `frame` tell when the packets before it should have come. What comes sooner
  // than `quickest_answer` after it was asked for was merely overtaken.
  Arrival onPacket(uint16_t sequence, uint32_t timestamp, const Frame& frame, Instant now,
                   Duration quickest_answer = {});
  // Another packet brought what was missing.
  void fill(uint16_t sequence);

  // Also one after the newest that was asked for.
  bool isMissing(uint16_t sequence) const;
  // When a missing packet should have come, as far as that is known; of one that came after all, as its
  // timestamp says.
  Instant expected(uint16_t sequence) const { return at(extend(sequence)).expected; }

  // Writes the packets to ask for now, in rising order, and counts them as asked for. The last one may be the
  // one after the newest: when a pause begins and the packet that says so is lost, nothing else tells.
  // `round_trip` is as RTCP measured it; 0: unknown.
  size_t ask(const Config& config, Instant now, Duration round_trip, std::span<uint16_t> out);
  // When ask() has work again; Instant::max(): no packet is worth asking for.
  Instant nextNack(const Config& config, Instant now, Duration round_trip);

  // How late nearly every packet comes that others overtook; 0: packets come in their order.
  Duration reordering() const { return reordering_; }
  // How long nearly every answer takes, as the last ones did; the round trip until there are any.
  Duration retransmissionTime(Instant now, Duration round_trip) const;

  // What is missing and what was asked for; how the line behaves is learnt again.
  void archive(Archive& a) {
    a(started_, has_old_, last_old_, lost_, bursts_, returned_);
    if (started_) a(highest_, timestamp_, arrived_, talkspurt_, oldest_missing_, entries_, next_);
  }

  uint64_t lost() const { return lost_; }          // packets that were missing when others came
  uint64_t bursts() const { return bursts_; }      // runs of them
  uint64_t returned() const { return returned_; }  // missing ones that came after all

 private:
  enum class State : uint8_t { kUnknown, kReceived, kMissing };
  struct Entry {
    State state = State::kUnknown;
    uint8_t requests = 0;
    bool too_late = false;                                 // it was not asked for in time
    std::chrono::duration<uint32_t, std::micro> waited{};  // from its being noticed to the first request
    Instant expected{};
    Instant asked{};  // or noticed, when not asked for yet
    void archive(Archive& a) { a(state, requests, too_late, expected, asked); }
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
  // The packet comes as the answer to a request that was made before anything showed that it was lost.
  bool isNextRetransmitted(uint32_t timestamp, const Frame& frame, Instant now,
                           Duration quickest_answer) const;
  void onReordered(Duration late);
  // When this entry is to be asked for; Instant::max(): never.
  Instant due(const Entry& entry, const Config& config, Duration answer) const;

  bool started_ = false;
  bool has_old_ = false;
  uint16_t last_old_ = 0;
  int64_t highest_ = 0;
  uint32_t timestamp_ = 0;  // of the highest
  Instant arrived_{};       // likewise
  Talkspurt talkspurt_;
  Entry next_;                  // the packet after the highest; missing when nothing but itself would tell
  int64_t oldest_missing_ = 0;  // no packet before it is to be asked for
  std::array<Entry, kWindow> entries_;
  DelayHistogram lateness_;  // of packets that came by themselves, after those that they left before
  Duration reordering_{};    // how late nearly all of them come at most; 0: in their order
  RetransmissionTimes retransmissions_;  // to first requests
  uint64_t lost_ = 0;
  uint64_t bursts_ = 0;
  uint64_t returned_ = 0;
};

}  // namespace sluice::media
