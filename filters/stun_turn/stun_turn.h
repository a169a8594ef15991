// STUN Binding server, ICE-lite agent and TURN server. Authenticates the peer: packets other than STUN pass
// inward only from an address that sent an authenticated check.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::stun_turn {

chain::FilterType filterType();

}  // namespace sluice::stun_turn
