// From the configuration's `nat` to a map of addresses.
#pragma once

#include <map>

#include "source/config/build.h"
#include "source/config/checks.h"

namespace sluice::config {

NatSettings buildNat(const Bootstrap& bootstrap, const std::map<net::Address, net::Address>& discovered,
                     Checks& checks);

}  // namespace sluice::config
