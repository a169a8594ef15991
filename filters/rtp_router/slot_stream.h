// The RTP stream that a receiver gets on one slot, under the server's SSRC, and its sender report.
#pragma once

#include <optional>

#include "filters/rtp_router/stream_rewriter.h"
#include "filters/rtp_router/voice.h"
#include "source/audibility/hearers.h"
#include "source/codec/rtcp.h"
#include "source/codec/rtp.h"
#include "source/net/packet.h"
#include "source/rooms/player.h"

namespace sluice::rtp_router {

class SlotStream {
 public:
  // Both must outlive the stream.
  SlotStream(const rooms::Slot& slot, rooms::SlotSequence& sequence);

  // Fills `out` with the speaker's packet as this receiver negotiated it: SSRC, payload type and extension
  // ids of the slot, the true speaker in CSRC, no mid. `hearer` says how the receiver hears the speaker; null
  // if the room has no rules. If it has, packets of the speaker that this stream did not get were inaudible,
  // so they are no loss. False if the packet arrived too late to have a place in the stream, or is too long.
  bool write(const net::Packet& in, const Voice& voice, const audibility::Hearer* hearer, Instant now,
             net::Packet& out);

  // Returns nullopt if no packet was sent since the last report.
  std::optional<rtcp::SenderInfo> report(rtcp::Ntp ntp, Instant now);

  uint32_t ssrc() const { return slot_.ssrc; }

  // The least time between two packets of one speaker with the rendering extension.
  static constexpr Duration kRenderingInterval = 50ms;

  void archive(Archive& a) { a(rewriter_, speaker_, speaker_stream_, packets_, octets_, packets_reported_); }

 private:
  bool isRenderingDue(const audibility::Hearer* hearer, bool fresh, Instant now) const;

  const rooms::Slot& slot_;
  rooms::SlotSequence& sequence_;
  StreamRewriter rewriter_;
  uint32_t speaker_ = 0;  // the speaker that the rewriter follows, and which of its streams
  uint32_t speaker_stream_ = 0;
  uint32_t index_ = 0;  // Voice::index of the speaker's last packet; 0: not known, after a takeover
  Instant rendered_{};  // when the last packet with the rendering extension was sent
  uint32_t packets_ = 0;
  uint32_t octets_ = 0;  // without headers and padding (RFC 3550 section 6.4.1)
  uint32_t packets_reported_ = 0;
};

}  // namespace sluice::rtp_router
