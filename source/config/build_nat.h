// Builds the address map from the configuration's `nat`.
#pragma once

#include "source/config/build.h"
#include "source/config/checks.h"

namespace sluice::config {

NatSettings buildNat(const BuildInput& input, Checks& checks);

}  // namespace sluice::config
