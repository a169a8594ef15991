// Builds the address map from the configuration's `nat`.
#pragma once

#include "source/config/build.h"
#include "source/config/checks.h"

namespace sluice::config {

// `bootstrap` is that of `input`, with defaults in absent fields.
NatSettings buildNat(const Bootstrap& bootstrap, const BuildInput& input, Checks& checks);

}  // namespace sluice::config
