// Routes voice in rooms: each speaker's packets go to all other players in the room, on one of the slots of
// each. RTCP ends here: reports are read and generated, never forwarded.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::rtp_router {

chain::FilterType filterType();

}  // namespace sluice::rtp_router
