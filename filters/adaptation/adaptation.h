// Recommends to a speaker, by RTCP and by an event of the join API, the Opus profile that suits its line, the
// room's receivers and this worker. Changes no packet.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::adaptation {

chain::FilterType filterType();

}  // namespace sluice::adaptation
