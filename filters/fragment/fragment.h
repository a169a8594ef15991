// Joins messages that native clients had to split into several datagrams, and splits messages to them.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::fragment {

chain::FilterType filterType();

}  // namespace sluice::fragment
