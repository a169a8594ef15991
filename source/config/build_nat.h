// From the configuration's `nat` to a map of addresses.
#pragma once

#include "source/config/build.h"
#include "source/config/checks.h"

namespace sluice::config {

NatSettings buildNat(const BuildInput& input, Checks& checks);

}  // namespace sluice::config
