// Recovers packets that the network lost, if they can still arrive in time: requests missing packets from
// speakers, retransmits to receivers on request, reads and generates RED (RFC 2198) and RTX (RFC 4588). Sits
// between dtls_srtp and the router.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::repair {

chain::FilterType filterType();

}  // namespace sluice::repair
