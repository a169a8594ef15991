#include "filters/rtp_router/speaker.h"

#include "source/codec/opus_toc.h"

namespace sluice::rtp_router {

Speaker::Verdict Speaker::examine(const rtp::Packet& packet, Instant arrival) {
  if (packet.payload_type != section_.opus_payload_type) return Verdict::kUnknownPayloadType;
  const bool fresh = packet.ssrc != ssrc_ || ssrc_ == 0;
  if (fresh) {
    const auto mid = packet.findText(section_.extensions.mid);
    if (!section_.mayBind(packet.ssrc, mid, ssrc_, arrival - last_packet_)) return Verdict::kUnknownSsrc;
    ssrc_ = packet.ssrc;
    streams_ = stream();
    reception_ = rtp::Reception(48'000);
  }
  last_packet_ = arrival;
  if (!reception_.onPacket(packet.sequence, packet.timestamp, arrival)) return Verdict::kStray;
  return fresh ? Verdict::kNewlyBound : Verdict::kVoice;
}

media::SpeechDetector::Speech Speaker::detectSpeech(Bytes payload, std::optional<uint8_t> level,
                                                    Instant arrival) {
  // Padding-only packets, and the occasional frames of discontinuous transmission, are not speech.
  if (opus::isDtx(payload)) return speech_.onFrame(false, arrival);
  if (level) return speech_.onLevel(*level & 0x7F, arrival);
  const auto info = opus::parse(payload);
  return speech_.onFrame(info ? info->active : std::nullopt, arrival);
}

void Speaker::onSenderReport(const rtcp::SenderInfo& info, Instant arrival) {
  if (info.ssrc == ssrc_) reception_.onSenderReport(info.ntp, arrival);
}

void Speaker::onBye(uint32_t ssrc) {
  if (ssrc == ssrc_) ssrc_ = 0;
}

std::optional<rtcp::ReportBlock> Speaker::report(Instant now) {
  if (ssrc_ == 0 || reception_.received() == 0) return std::nullopt;
  return reception_.report(ssrc_, now);
}

}  // namespace sluice::rtp_router
