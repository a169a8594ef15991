#include "filters/repair/uplink_stream.h"

#include <algorithm>

#include "source/codec/opus_toc.h"
#include "source/media/payload.h"

namespace sluice::repair {
namespace {

constexpr Duration kAssumedOneWayDelay = 20ms;  // until RTCP has measured the round trip

media::Frame frameOf(Bytes opus) {
  const auto info = opus::parse(opus);
  return info ? media::Frame{info->duration(), opus::isDtx(opus)} : media::Frame{};
}

Bytes opusIn(const rtp::Packet& packet, UplinkStream::Carrier carrier) {
  if (carrier != UplinkStream::Carrier::kRed) return packet.payload;
  const auto red = red::parse(packet.payload);
  return red ? red->primary().data : Bytes{};
}

}  // namespace

UplinkStream::Carrier UplinkStream::carrier(const rtp::Packet& packet, Instant now) const {
  const auto is = [&](uint8_t negotiated) { return negotiated != 0 && packet.payload_type == negotiated; };
  if (is(section_.rtx_payload_type)) return Carrier::kRtx;
  const bool red = is(section_.red_payload_type);
  if (!red && packet.payload_type != section_.opus_payload_type) return Carrier::kOther;
  const bool bound = ssrc_ != 0 && packet.ssrc == ssrc_;
  if (!bound &&
      !section_.mayBind(packet.ssrc, packet.findText(section_.extensions.mid), ssrc_, now - last_packet_)) {
    return Carrier::kOther;
  }
  return red ? Carrier::kRed : Carrier::kOpus;
}

media::NackScheduler::Arrival UplinkStream::onPacket(const rtp::Packet& packet, Carrier carrier, Instant now,
                                                     Duration round_trip) {
  last_packet_ = now;
  if (packet.ssrc != ssrc_) {
    ssrc_ = packet.ssrc;
    scheduler_.restart();
    reception_ = rtp::Reception(48'000);
  }
  // Retransmissions use RTX if it was negotiated. Otherwise they look like packets that are merely late.
  const Duration shortest = round_trip == Duration{} ? kAssumedOneWayDelay : round_trip / 2;
  const Duration quickest_retransmission = section_.rtx_payload_type != 0 ? Duration::max() : shortest;
  const media::Frame frame = frameOf(opusIn(packet, carrier));
  const auto arrival =
      scheduler_.onPacket(packet.sequence, packet.timestamp, frame, now, quickest_retransmission);
  const bool by_itself =
      arrival == media::NackScheduler::Arrival::kNew || arrival == media::NackScheduler::Arrival::kReordered;
  if (by_itself) reception_.onPacket(packet.sequence, packet.timestamp, now);
  return arrival;
}

media::NackScheduler::Arrival UplinkStream::onRepeated(const rtp::Packet& packet, Instant now) {
  return scheduler_.onPacket(packet.sequence, packet.timestamp, frameOf(packet.payload), now);
}

bool UplinkStream::unwrapRtx(net::Packet& packet, const rtp::Packet& rtp) const {
  if (ssrc_ == 0 || rtp.payload.size() < 2) return false;
  const uint16_t sequence = readU16(rtp.payload.data());
  media::cutPayload(packet, rtp, 2, section_.opus_payload_type);
  const MutableBytes data = packet.mutableData();
  writeU16(&data[2], sequence);
  writeU32(&data[8], ssrc_);
  return true;
}

bool UplinkStream::canRebuild(const rtp::Packet& rtp, const red::Block& block, size_t back) const {
  return !block.data.empty() && block.payload_type == section_.opus_payload_type &&
         scheduler_.isMissing(static_cast<uint16_t>(rtp.sequence - back));
}

uint16_t UplinkStream::rebuild(const rtp::Packet& rtp, const red::Block& block, size_t back,
                               net::Packet& out) const {
  const auto sequence = static_cast<uint16_t>(rtp.sequence - back);
  const rtp::Header header{.marker = false,
                           .payload_type = section_.opus_payload_type,
                           .sequence = sequence,
                           .timestamp = rtp.timestamp - block.timestamp_offset,
                           .ssrc = rtp.ssrc,
                           .csrcs = {},
                           .extensions = {}};
  out.resize(header.size() + block.data.size());
  uint8_t* data = out.mutableData().data();
  rtp::write(header, data);
  std::ranges::copy(block.data, data + header.size());
  out.kind = PacketKind::kRtp;
  return sequence;
}

void UplinkStream::onSenderReport(const rtcp::SenderInfo& info, Instant now) {
  if (info.ssrc == ssrc_) reception_.onSenderReport(info.ntp, now);
}

void UplinkStream::onBye(uint32_t ssrc) {
  if (ssrc != ssrc_) return;
  ssrc_ = 0;
  scheduler_.restart();
}

}  // namespace sluice::repair
