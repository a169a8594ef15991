// A way to carry voice over a bad line: what the sender adds, whether losses are asked for, and who receives.
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
  bool nack = false;      // lost packets are asked for, as long as they would come in time
  std::function<std::unique_ptr<Receiver>()> receiver;
  // Instead of `redundancy` and `nack`, which are models of what is possible: the filter itself, at both
  // ends.
  std::optional<RepairedPath::Config> repair{};
};

// The rows of the table. "jb" have media::JitterBuffer, "conceal" the filter opus before one, the
// others a fixed buffer; "repair" the filter repair at both ends.
std::vector<Strategy> strategies();

}  // namespace sluice::quality
