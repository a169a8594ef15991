#include "source/media/rtcp_session.h"

#include <cassert>

#include "source/base/random.h"
#include "source/codec/rtcp_extended.h"

namespace sluice::media {

Duration RtcpSession::interval(Duration mean) {
  const auto count = mean.count();
  return Duration{count / 2 + static_cast<int64_t>(randomU32()) * (count / 1000) / 4'294'967};
}

void RtcpSession::writeReport(std::span<const rtcp::SenderInfo> senders,
                              std::span<const rtcp::ReportBlock> blocks, rtcp::Ntp now,
                              net::Packet& out) const {
  assert(senders.size() <= kMaxSenders);
  out.resize(net::Packet::kMaxPayload);
  rtcp::Writer writer(out.mutableData());
  for (const rtcp::SenderInfo& sender : senders) {
    writer.addSenderReport(sender, &sender == senders.data() ? blocks : std::span<const rtcp::ReportBlock>());
  }
  if (senders.empty()) writer.addReceiverReport(ssrc(), blocks);
  for (const rtcp::SenderInfo& sender : senders) writer.addCname(sender.ssrc, player_.negotiated.cname);
  if (senders.empty()) {
    writer.addCname(ssrc(), player_.negotiated.cname);
    rtcp::addReferenceTime(writer, ssrc(), now);
  }
  finish(writer, out);
}

void RtcpSession::finish(const rtcp::Writer& writer, net::Packet& out) {
  const auto size = writer.finish();
  assert(size);
  out.resize(size.value_or(0));
  out.kind = PacketKind::kRtcp;
}

}  // namespace sluice::media
