// Explains why one player does not hear another. A pure function of the evidence.
#pragma once

#include <string_view>

#include "api/control.pb.h"
#include "source/base/clock.h"
#include "source/control/evidence.h"

namespace sluice::control {

Explanation explain(const Evidence& evidence);

// How long a drop can be the cause.
constexpr Duration kRecentDrop = 2s;
// Whether a drop of this kind can be a cause.
bool isCause(std::string_view filter_type, std::string_view reason);

}  // namespace sluice::control
