// A filter whose code is in a shared object. The object uses packets and sessions through api/filter_abi.h.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::module {

chain::FilterType filterType();

}  // namespace sluice::module
