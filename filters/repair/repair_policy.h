// Chooses the repair mode for a receiver's line. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "filters/repair/red_capacity.h"
#include "source/base/clock.h"

namespace sluice::repair {

enum class RecoveryMode {
  kNothing,   // the line loses almost nothing
  kNack,      // the receiver requests lost packets: the cheapest mode, if there is time for it
  kRed1,      // each packet repeats the previous frame: for single losses
  kRed2,      // the two previous frames: for short bursts
  kNackRed1,  // both: so much is lost that retransmissions are lost too
  kFec,       // none of these: RTCP reports the loss to the speakers, whose encoders add FEC
};
std::string_view name(RecoveryMode mode);
// The number of frames that each packet repeats.
size_t frames(RecoveryMode mode);

// The properties of a receiver's line.
struct Line {
  bool nack = false;          // negotiated
  bool red = false;           // negotiated
  bool prefer_delay = false;  // RED rather than NACK, since retransmissions arrive late
  double loss = 0;            // 0 to 1
  double mean_burst = 1;      // packets lost in a row
  Duration round_trip{};
  Duration budget{};  // how late a packet may arrive
};

RecoveryMode chooseMode(const Line& line);
// The number of times that a packet that begins a pause is repeated without a request.
unsigned pauseRepeats(const Line& line);

// Keeps a choice for a while, so that a line near a threshold does not flap. Chooses no RED for a line that
// has no spare capacity for it.
class RepairPolicy {
 public:
  RecoveryMode update(const Line& line, Instant now);
  RecoveryMode current() const { return current_; }
  // The line at the last update.
  const Line& line() const { return line_; }

 private:
  static constexpr Duration kHold = 3s;

  Line line_;
  RecoveryMode current_ = RecoveryMode::kNothing;
  Instant since_{};
  RedCapacity capacity_;
};

// The loss of a line, from the receiver's reports and requests; samples decay with a half-life of about 2 s.
class LossEstimate {
 public:
  // A packet was sent. `before`: the count of sequence numbers just before its own that were skipped because
  // no packet had arrived for them; -1: it fills such a gap.
  void onSent(int before, Instant now);
  // A run of consecutive lost packets, from a NACK.
  void onLost(unsigned run, Instant now);
  // The loss in a receiver report, which counts skipped numbers as lost.
  void onReport(double fraction, Instant now);

  double loss() const;       // 0 to 1
  double meanBurst() const;  // at least 1

 private:
  void forget(Instant now);

  Instant at_{};
  double sent_ = 0;
  double skipped_ = 0;
  double lost_ = 0;
  double runs_ = 0;
  double reported_ = 0;
};

}  // namespace sluice::repair
