// One speaker, one bad line and one receiver, in simulated time.
#pragma once

#include <string>
#include <vector>

#include "filters/impair/impairment.h"
#include "test/bench/quality/strategy.h"

namespace sluice::quality {

struct Line {
  std::string name;
  // The receiver's requests pass with the same delay and the same kind of loss, without jitter.
  impair::Impairment::Config forward{};

  Duration roundTrip() const { return forward.delay * 2; }
};

inline constexpr Duration kSettled = 8s;  // buffers have adapted

struct Outcome {
  Samples heard;  // as long as the speech; silence where nothing was played
  size_t frames = 0;
  size_t concealed = 0;  // includes pauses until the receiver has detected them
  size_t recovered = 0;
  Duration stretched{};  // the time by which frames played later than directly after the previous one
  // For each frame that played after kSettled: from sending to playing, without the line's fixed delay.
  std::vector<Duration> delays{};
  size_t bytes = 0;  // on the wire, with all headers
  size_t retransmitted = 0;
  size_t too_late = 0;  // of those retransmitted
};

// An empty payload is not sent.
Outcome simulate(const std::vector<Payload>& speech, const Line& line, const Strategy& strategy,
                 uint64_t seed);

}  // namespace sluice::quality
