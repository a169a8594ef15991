// A way to carry voice over a bad line: what the sender adds, whether lost packets are requested, and the
// type of receiver.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/bench/quality/receiver.h"
#include "test/bench/quality/repaired_path.h"

namespace sluice::quality {

struct Strategy {
  std::string name;
  bool fec = false;       // the encoder adds low-bitrate copies
  size_t redundancy = 0;  // earlier frames in each packet (RED, RFC 2198)
  bool nack = false;      // lost packets are requested while they can arrive in time
  std::function<std::unique_ptr<Receiver>()> receiver;
  // Instead of `redundancy` and `nack`, which model what is possible: the filter itself, at both ends.
  std::optional<RepairedPath::Config> repair{};
};

// The rows of the table. "jb" rows have media::JitterBuffer, "conceal" rows the filter opus in front of one,
// the others a fixed buffer; "repair" rows the filter repair at both ends.
std::vector<Strategy> strategies();

}  // namespace sluice::quality
