// Shapes RTP towards a client with a token bucket. Below its rate it adds no delay: a packet that finds
// tokens and an empty queue is passed on at once. Everything except RTP passes unpaced.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::pacer {

chain::FilterType filterType();

}  // namespace sluice::pacer
