// Which means against loss fits a listener's line. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "filters/repair/redundancy_room.h"
#include "source/base/clock.h"

namespace sluice::repair {

enum class RecoveryMode {
  kNothing,   // the line loses next to nothing
  kNack,      // the listener asks again: the cheapest, where there is time for it
  kRed1,      // each packet repeats the frame before: for single losses
  kRed2,      // the two frames before: for short bursts
  kNackRed1,  // both: so much is lost that answers are lost too
  kFec,       // nothing that we can do: the speakers' encoders add FEC, since they are told of the loss
};
std::string_view name(RecoveryMode mode);
// That each packet repeats.
size_t frames(RecoveryMode mode);

// What is known of the line.
struct Line {
  bool nack = false;          // negotiated
  bool red = false;           // negotiated
  bool prefer_delay = false;  // redundancy rather than asking, since what comes again comes late
  double loss = 0;            // 0 to 1
  double mean_burst = 1;      // packets lost in a row
  Duration round_trip{};
  Duration budget{};  // how late a packet may come
};

RecoveryMode chooseMode(const Line& line);
// How often a packet that begins a pause is repeated without being asked for.
unsigned pauseRepeats(const Line& line);

// Keeps a choice for a while, so that a line at the edge does not flap. Sends no RED where there is no room
// for it.
class RepairPolicy {
 public:
  RecoveryMode update(const Line& line, Instant now);
  RecoveryMode current() const { return current_; }
  // As of the last update.
  const Line& line() const { return line_; }

 private:
  static constexpr Duration kHold = 3s;

  Line line_;
  RecoveryMode current_ = RecoveryMode::kNothing;
  Instant since_{};
  RedundancyRoom room_;
};

// The loss of a line, from what the listener reports and asks for; forgets with a half-life of about two
// seconds.
class LossEstimate {
 public:
  // A packet went out. `before`: how many sequence numbers before its own were left out, since nothing had
  // come for them; -1: it goes out under one of these.
  void onSent(int before, Instant now);
  // A run of packets that were lost in a row, from a NACK.
  void onLost(unsigned run, Instant now);
  // From a receiver report, which counts numbers that were left out as lost.
  void onReport(double fraction, Instant now);

  double loss() const;       // 0 to 1
  double meanBurst() const;  // at least 1

 private:
  void forget(Instant now);

  Instant at_{};
  double sent_ = 0;
  double left_out_ = 0;
  double lost_ = 0;
  double runs_ = 0;
  double reported_ = 0;
};

}  // namespace sluice::repair
