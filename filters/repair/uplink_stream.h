// What a speaker sends: which packets of it are missing, and what the line really lost. Undoes RED and RTX,
// so that inward there is plain Opus. Pure but for the packets that it changes.
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
  // `line` outlives the stream.
  explicit UplinkStream(const rooms::SendingLine& line) : line_(line) {}

  enum class Carrier { kOther, kOpus, kRed, kRtx };
  // kOther also under an SSRC that the router will refuse.
  Carrier carrier(const rtp::Packet& packet, Instant now) const;

  // A packet of the stream came as Opus or RED. An SSRC other than before begins anew. `round_trip` as RTCP
  // measured it; 0: unknown.
  media::NackScheduler::Arrival onPacket(const rtp::Packet& packet, Carrier carrier, Instant now,
                                         Duration round_trip);
  // A packet that RTX repeated came.
  media::NackScheduler::Arrival onRepeated(const rtp::Packet& packet, Instant now);
  // Makes an RTX packet the one that it repeats (RFC 4588 section 4). False: it is none of this stream.
  bool unwrapRtx(net::Packet& packet, const rtp::Packet& rtp) const;
  // A redundant block of `rtp` repeats the packet that came `back` packets before it, which is missing.
  bool canRebuild(const rtp::Packet& rtp, const red::Block& block, size_t back) const;
  // Fills `out` with that packet; returns its sequence number.
  uint16_t rebuild(const rtp::Packet& rtp, const red::Block& block, size_t back, net::Packet& out) const;

  void onSenderReport(const rtcp::SenderInfo& info, Instant now);
  // Another SSRC may follow when it is ours.
  void onBye(uint32_t ssrc);
  // What the line lost, repaired or not, for the report that goes to the speaker.
  rtcp::ReportBlock report(Instant now) { return reception_.report(ssrc_, now); }

  void archive(Archive& a) { a(ssrc_, last_packet_, scheduler_, reception_); }

  media::NackScheduler& scheduler() { return scheduler_; }
  const media::NackScheduler& scheduler() const { return scheduler_; }
  uint32_t ssrc() const { return ssrc_; }  // 0: nothing came yet, or it said goodbye
  const rooms::SendingLine& line() const { return line_; }

 private:
  const rooms::SendingLine& line_;
  uint32_t ssrc_ = 0;
  Instant last_packet_{};
  media::NackScheduler scheduler_;
  rtp::Reception reception_{48'000};
};

}  // namespace sluice::repair
