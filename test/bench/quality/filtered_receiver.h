// A receiver behind filters of a real chain: the audio that clients without a jitter buffer play.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "test/bench/quality/receiver.h"
#include "test/support/harness.h"

namespace sluice::quality {

class FilteredReceiver final : public Receiver {
 public:
  // Packets pass inward through `filters`, then to `inner`.
  FilteredReceiver(std::vector<test::FilterConfig> filters, std::unique_ptr<Receiver> inner);

  void onFrame(size_t frame, size_t sequence, Bytes payload, Instant now) override;
  Instant due() const override;
  std::optional<Played> play(Instant now, media::MutablePcm out) override;
  Instant deadline(size_t frame) const override { return inner_->deadline(frame); }

 private:
  void advance(Instant now);
  // Passes on the packets that have left the chain.
  void handOn();

  ManualClock clock_;
  mutable test::FakeWorker worker_{clock_};  // its timers are not const
  test::ChainHarness chain_;
  const std::unique_ptr<Receiver> inner_;
  std::set<size_t> arrived_;                // from the line
  std::map<size_t, Played::Kind> rebuilt_;  // by the filters
};

}  // namespace sluice::quality
