// The server's side of RTCP with one player (RFC 3550 section 6): its SSRC and CNAME, and every compound that
// it sends.
#pragma once

#include <span>

#include "source/codec/rtcp.h"
#include "source/net/packet.h"
#include "source/rooms/player.h"

namespace sluice::media {

// A view of the player, which must outlive it.
class RtcpSession {
 public:
  // Sender reports in one compound, so that it fits into a packet.
  static constexpr size_t kMaxSenders = 16;

  explicit RtcpSession(const rooms::Player& player) : player_(player) {}

  // The first slot's; without a slot to send on, reports use the player's number as SSRC.
  uint32_t ssrc() const {
    const auto& slots = player_.negotiated.slots;
    return slots.empty() ? player_.number : slots.front().ssrc;
  }

  // A random time between half and one and a half of `mean`, so that reports to clients are not in step (RFC
  // 3550 section 6.2).
  static Duration interval(Duration mean);

  // Fill an empty packet, including its kind. A report has at most kMaxSenders senders; without any it is a
  // receiver report, with a reference time (RFC 3611 section 4.4), since the client then has no sender report
  // to refer to.
  void writeReport(std::span<const rtcp::SenderInfo> senders, std::span<const rtcp::ReportBlock> blocks,
                   rtcp::Ntp now, net::Packet& out) const;
  // Feedback travels in a compound with a report and a CNAME (RFC 4585 section 3.1). `add(rtcp::Writer&)`
  // adds it; what it adds must fit into a packet.
  template <typename Add>
  void writeFeedback(net::Packet& out, Add add) const {
    out.resize(net::Packet::kMaxPayload);
    rtcp::Writer writer(out.mutableData());
    writer.addReceiverReport(ssrc(), {});
    writer.addCname(ssrc(), player_.negotiated.cname);
    add(writer);
    finish(writer, out);
  }

 private:
  static void finish(const rtcp::Writer& writer, net::Packet& out);

  const rooms::Player& player_;
};

}  // namespace sluice::media
