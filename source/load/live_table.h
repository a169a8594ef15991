// Progress output during a run: a table redrawn in place on a terminal, otherwise one line per second.
#pragma once

#include <cstdio>

#include "source/load/report.h"

namespace sluice::load {

class LiveTable {
 public:
  // `out` outlives the table.
  LiveTable(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}

  // Call it once a second.
  void show(const Totals& totals, size_t connected, size_t players);

 private:
  std::FILE* const out_;
  const bool terminal_;
  unsigned drawn_ = 0;  // lines
  uint64_t sent_before_ = 0;
  uint64_t received_before_ = 0;
};

}  // namespace sluice::load
