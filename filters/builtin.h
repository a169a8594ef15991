// The filters that Sluice includes.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice {

chain::Registry builtinFilters();

}  // namespace sluice
