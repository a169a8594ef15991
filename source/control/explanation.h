// Explains why one player does not hear another. A pure function of the evidence.
#pragma once

#include "api/control.pb.h"
#include "source/control/evidence.h"

namespace sluice::control {

Explanation explain(const Evidence& evidence);

}  // namespace sluice::control
