// RTCP extended reports (RFC 3611) that measure the round trip to a peer that receives no media: the sender
// of the report sends its time (RRTR, section 4.4), and the peer returns it with the delay since it arrived
// (DLRR, section 4.5).
#pragma once

#include <optional>

#include "source/codec/rtcp.h"

namespace sluice::rtcp {

void addReferenceTime(Writer& writer, uint32_t sender, Ntp now);

// The round trip from a DLRR block for the reference time of `ssrc`, received at `now_middle`.
std::optional<Duration> referenceRoundTrip(const Packet& packet, uint32_t ssrc, uint32_t now_middle);

}  // namespace sluice::rtcp
