// Drops the packets of a client above a rate.
#pragma once

#include "source/chain/filter_type.h"

namespace example {

sluice::chain::FilterType rateLimit();

}  // namespace example
