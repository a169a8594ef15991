// The times and packet counts of a session.
#pragma once

#include <cstdint>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::runtime {

struct SessionActivity {
  // The activity of a new session whose first packet arrived at `at`.
  static SessionActivity beginning(Instant at) {
    return {.created = at, .unauthenticated_since = at, .last = at};
  }

  Instant created{};
  Instant unauthenticated_since{};  // when it began to wait for authentication
  Instant last{};                   // when it was last used
  Instant alive_until{};            // it counts as in use until then, even without traffic
  uint64_t packets_in = 0;
  uint64_t packets_out = 0;

  bool isIdle(Instant now, Duration timeout) const { return now - last > timeout && now >= alive_until; }

  void archive(Archive& a) { a(created, unauthenticated_since, last, alive_until, packets_in, packets_out); }
};

}  // namespace sluice::runtime
