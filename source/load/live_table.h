// What goes on while it goes on: a table that is drawn over itself on a terminal, a line a second elsewhere.
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
