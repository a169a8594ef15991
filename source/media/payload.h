// Changes to an RTP packet's payload in place.
#pragma once

#include "source/codec/rtp.h"
#include "source/net/packet.h"

namespace sluice::media {

// Takes the first `n` bytes of the payload away and gives the packet this payload type. Views into it, `rtp`
// too, are void then.
void cutPayload(net::Packet& packet, const rtp::Packet& rtp, size_t n, uint8_t payload_type);

// Puts `n` bytes before the payload, for the caller to fill, and gives the packet this payload type. Null
// when there is no room. Views into it are void then.
uint8_t* growPayload(net::Packet& packet, const rtp::Packet& rtp, size_t n, uint8_t payload_type);

}  // namespace sluice::media
