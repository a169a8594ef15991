// DTLS-SRTP (RFC 5763, RFC 5764): plain RTP and RTCP inward, SRTP and SRTCP outward. The handshake accepts
// datagrams only from addresses that sent an authenticated ICE check.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::dtls_srtp {

chain::FilterType filterType();

}  // namespace sluice::dtls_srtp
