// The statistics that every module has, before its own.
#pragma once

#include "source/stats/schema.h"

namespace sluice::module {

enum class Drop {
  kNoSession,    // the module refused the session
  kOutOfBounds,  // it wrote outside the packet's room, or returned bad bounds or a DSCP above 63
  kBadVerdict,   // it returned an unknown verdict
};
inline constexpr std::string_view kDrops[] = {"no_session", "out_of_bounds", "bad_verdict"};

enum class Count {
  kSlowCalls,
  kSent,
  kNotSent,
  kHandedOver,
  kLostState,
};
inline constexpr stats::CounterSpec kCounters[] = {
    {"slow_calls", "Calls into the module that took 8 ms or longer."},
    {"sent", "Packets that the module created."},
    {"not_sent",
     "Packets that the module created and that were not sent: too long, too many, or no free packet buffer."},
    {"handovers", "Sessions that continued with other code or a new object.", "state", "kept"},
    {"handovers", "Sessions that continued with other code or a new object.", "state", "lost"},
};

}  // namespace sluice::module
