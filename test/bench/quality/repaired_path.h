// The two ends of a line with filters/repair: the sending end is a receiver's chain, which retransmits and
// adds RED; the receiving end is a speaker's chain, which requests packets and removes RED.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "test/bench/quality/codec.h"
#include "test/support/harness.h"

namespace sluice::quality {

class RepairedPath {
 public:
  struct Config {
    // Of both. Packets later than the strategies' buffers are useless.
    std::string filter = "uplink { budget_ms: 100 } downlink { budget_ms: 100 }";
    bool nack = false;  // negotiated
    bool red = false;
  };
  RepairedPath(const Config& config, Duration round_trip);

  void send(size_t frame, size_t sequence, Bytes payload, Instant now);
  void onForward(Bytes packet, Instant now);  // at the receiver
  void onBack(Bytes packet, Instant now);     // at the sender
  Instant due();
  void run(Instant now);

  // The packets that have arrived since the last call.
  std::vector<Payload> forward() { return take(sender_); }
  std::vector<Payload> back() { return take(receiver_); }
  struct Frame {
    size_t number;
    size_t sequence;
    Payload payload;
  };
  std::vector<Frame> frames();

  size_t resent() const { return sender_.counted("repair", "resent", "original"); }
  size_t late() const { return receiver_.counted("repair", "recovered_late"); }

 private:
  rooms::PlayerPtr join(const char* name, const Config& config, Duration round_trip);
  void advance(Instant now);
  void report();
  static std::vector<Payload> take(test::ChainHarness& chain);

  ManualClock clock_;
  test::FakeWorker worker_{clock_};
  rooms::Directory directory_{{}, 1, clock_};
  test::ChainHarness sender_;
  test::ChainHarness receiver_;
  Instant reported_{};
};

}  // namespace sluice::quality
