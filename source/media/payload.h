// Changes to an RTP packet's payload in place.
#pragma once

#include "source/codec/rtp.h"
#include "source/net/packet.h"

namespace sluice::media {

// Removes the first `n` bytes of the payload and sets the packet's payload type. Invalidates views into the
// packet, including `rtp`.
void cutPayload(net::Packet& packet, const rtp::Packet& rtp, size_t n, uint8_t payload_type);

// Inserts `n` bytes before the payload, for the caller to fill, and sets the packet's payload type. Null if
// there is no room. Invalidates views into the packet.
uint8_t* growPayload(net::Packet& packet, const rtp::Packet& rtp, size_t n, uint8_t payload_type);

}  // namespace sluice::media
