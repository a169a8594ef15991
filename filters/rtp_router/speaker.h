// The speaking half of a player: decides which of the client's packets are its voice.
#pragma once

#include <optional>

#include "source/codec/reception.h"
#include "source/codec/rtp.h"
#include "source/media/speech_detector.h"
#include "source/rooms/player.h"

namespace sluice::rtp_router {

class Speaker {
 public:
  // `section` must outlive the speaker.
  explicit Speaker(const rooms::SendingSection& section) : section_(section) {}

  enum class Verdict { kVoice, kNewlyBound, kUnknownPayloadType, kUnknownSsrc, kStray };
  // Binds the SSRC on the first packet that the media section allows.
  Verdict examine(const rtp::Packet& packet, Instant arrival);

  // Decides whether this packet, which examine() accepted, is speech. `level`: its RFC 6464 level with the
  // voice bit, if it has one.
  media::SpeechDetector::Speech detectSpeech(Bytes payload, std::optional<uint8_t> level, Instant arrival);

  void onSenderReport(const rtcp::SenderInfo& info, Instant arrival);
  // Unbinds if `ssrc` is the bound one.
  void onBye(uint32_t ssrc);

  // nullopt before the first packet.
  std::optional<rtcp::ReportBlock> report(Instant now);

  uint32_t ssrc() const { return ssrc_; }  // 0: not bound
  // Changes where the sequence numbers restart: with another SSRC, or when the client restarts.
  uint32_t stream() const { return streams_ + reception_.restarts(); }
  const rooms::SendingSection& section() const { return section_; }

  void archive(Archive& a) { a(ssrc_, streams_, last_packet_, reception_, speech_); }

 private:
  const rooms::SendingSection& section_;
  uint32_t ssrc_ = 0;
  uint32_t streams_ = 0;  // streams before the bound one
  Instant last_packet_{};
  rtp::Reception reception_{48'000};
  media::SpeechDetector speech_;
};

}  // namespace sluice::rtp_router
