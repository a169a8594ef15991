// Impairs packets on purpose: loses, delays, reorders, duplicates and corrupts them. For tests and trials.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::impair {

chain::FilterType filterType();

}  // namespace sluice::impair
