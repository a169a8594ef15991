// A speaker's stream: tracks which packets are missing and what the line really lost, and unwraps RED and RTX
// into plain Opus. Pure except for the packets that it changes.
#pragma once

#include <optional>

#include "source/codec/reception.h"
#include "source/codec/red.h"
#include "source/codec/rtp.h"
#include "source/media/nack_scheduler.h"
#include "source/net/packet.h"
#include "source/rooms/player.h"

namespace sluice::repair {

class UplinkStream {
 public:
  // `section` must outlive the stream.
  explicit UplinkStream(const rooms::SendingSection& section) : section_(section) {}

  enum class Carrier { kOther, kOpus, kRed, kRtx };
  // A packet is also kOther if the router will refuse its SSRC.
  Carrier carrier(const rtp::Packet& packet, Instant now) const;

  // A packet of the stream arrived as Opus or RED. A new SSRC restarts the stream. `round_trip`: measured by
  // RTCP; 0: unknown.
  media::NackScheduler::Arrival onPacket(const rtp::Packet& packet, Carrier carrier, Instant now,
                                         Duration round_trip);
  // A packet arrived as RTX and is unwrapped.
  media::NackScheduler::Arrival onRepeated(const rtp::Packet& packet, Instant now);
  // Turns an RTX packet into the original (RFC 4588 section 4). False: no stream yet, or it is too short.
  bool unwrapRtx(net::Packet& packet, const rtp::Packet& rtp) const;
  // True if a redundant block of `rtp` can replace the packet `back` numbers before it, which is missing.
  bool canRebuild(const rtp::Packet& rtp, const red::Block& block, size_t back) const;
  // Fills `out` with that packet; returns its sequence number.
  uint16_t rebuild(const rtp::Packet& rtp, const red::Block& block, size_t back, net::Packet& out) const;

  void onSenderReport(const rtcp::SenderInfo& info, Instant now);
  // After a BYE of this stream's SSRC, another SSRC may follow.
  void onBye(uint32_t ssrc);
  // The line's loss, repaired or not, for the report to the speaker.
  rtcp::ReportBlock report(Instant now) { return reception_.report(ssrc_, now); }

  void archive(Archive& a) { a(ssrc_, last_packet_, scheduler_, reception_); }

  media::NackScheduler& scheduler() { return scheduler_; }
  const media::NackScheduler& scheduler() const { return scheduler_; }
  uint32_t ssrc() const { return ssrc_; }  // 0: no packet yet, or a BYE
  const rooms::SendingSection& section() const { return section_; }

 private:
  const rooms::SendingSection& section_;
  uint32_t ssrc_ = 0;
  Instant last_packet_{};
  media::NackScheduler scheduler_;
  rtp::Reception reception_{48'000};
};

}  // namespace sluice::repair
