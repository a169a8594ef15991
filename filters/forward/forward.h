// A plain UDP proxy: sends the client's packets to an upstream of a cluster, and its replies back.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::forward {

chain::FilterType filterType();

}  // namespace sluice::forward
