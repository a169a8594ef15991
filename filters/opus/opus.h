// Reorders Opus packets, conceals missing ones, or transcodes: in one direction of a session or in both.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::opus_filter {

chain::FilterType filterType();

}  // namespace sluice::opus_filter
