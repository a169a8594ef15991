// Closes sessions whose time has expired, and moves sessions without packets to the current generation; a
// bounded number per call.
#pragma once

#include "source/runtime/session_table.h"

namespace sluice::runtime {

class SessionSweep {
 public:
  static constexpr Duration kInterval = 100ms;
  static constexpr size_t kSessionsAtOnce = 512;

  // `sessions` outlives the sweep.
  explicit SessionSweep(const SessionTable& sessions) : sessions_(sessions) {}

  // Call it every kInterval. It continues with the sessions after those of the previous call.
  void run(const Generation& generation, Instant now);

 private:
  const SessionTable& sessions_;
  size_t last_ = 0;  // index of the session that was examined last
};

}  // namespace sluice::runtime
