// RTCP extended reports (RFC 3611) that measure a round trip to who receives nothing from us: we send our
// time (RRTR, section 4.4), and are told when it came and how long it was kept (DLRR, section 4.5).
#pragma once

#include <optional>

#include "source/codec/rtcp.h"

namespace sluice::rtcp {

void addReferenceTime(Writer& writer, uint32_t sender, Ntp now);

// What a DLRR block says of the reference time of `ssrc`, read at `now_middle`.
std::optional<Duration> referenceRoundTrip(const Packet& packet, uint32_t ssrc, uint32_t now_middle);

}  // namespace sluice::rtcp
