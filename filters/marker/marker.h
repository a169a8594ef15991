// Sets DSCP and TTL on packets as they leave, per direction and kind. ECN bits are kept (RFC 3168 section 5).
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::marker {

chain::FilterType filterType();

}  // namespace sluice::marker
