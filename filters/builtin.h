// The filters that come with Sluice.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice {

chain::Registry builtinFilters();

}  // namespace sluice
