// The statistics that every module has, before its own.
#pragma once

#include "source/stats/typed_schema.h"

namespace sluice::module {

enum class Drop {
  kNoSession,    // the module refused the session
  kOutOfBounds,  // it wrote outside the packet's room, or returned bad bounds or a DSCP above 63
  kBadVerdict,   // it returned an unknown verdict
};
enum class Count {
  kSlowCalls,
  kSent,
  kNotSent,
  kHandedOver,
  kLostState,
};

inline constexpr std::string_view kHandoversHelp = "Sessions that continued with other code or a new object.";
inline constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kNoSession, "no_session"},
              {Drop::kOutOfBounds, "out_of_bounds"},
              {Drop::kBadVerdict, "bad_verdict"}},
    .counters = {{Count::kSlowCalls, "slow_calls", "Calls into the module that took 8 ms or longer."},
                 {Count::kSent, "sent", "Packets that the module created."},
                 {Count::kNotSent, "not_sent",
                  "Packets that the module created and that were not sent: too long, too many, or no free "
                  "packet buffer."},
                 {Count::kHandedOver, "handovers", kHandoversHelp, "state", "kept"},
                 {Count::kLostState, "handovers", kHandoversHelp, "state", "lost"}}};

}  // namespace sluice::module
