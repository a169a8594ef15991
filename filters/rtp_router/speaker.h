// The speaking half of a player: which packets of the client's are its voice.
#pragma once

#include <optional>

#include "source/codec/reception.h"
#include "source/codec/rtp.h"
#include "source/media/speech_detector.h"
#include "source/rooms/player.h"

namespace sluice::rtp_router {

class Speaker {
 public:
  // `line` outlives the speaker.
  explicit Speaker(const rooms::SendingLine& line) : line_(line) {}

  enum class Verdict { kVoice, kNewlyBound, kUnknownPayloadType, kUnknownSsrc, kStray };
  // Binds the SSRC on the first packet that the line allows.
  Verdict examine(const rtp::Packet& packet, Instant arrival);

  // Whether this packet, which examine() took, is speech. `level` is its RFC 6464 level with the voice bit,
  // where it has one.
  media::SpeechDetector::Speech judge(Bytes payload, std::optional<uint8_t> level, Instant arrival);

  void onSenderReport(const rtcp::SenderInfo& info, Instant arrival);
  // Unbinds when it is ours.
  void onBye(uint32_t ssrc);

  // Nothing before the first packet.
  std::optional<rtcp::ReportBlock> report(Instant now);

  uint32_t ssrc() const { return ssrc_; }  // 0: not bound
  // Changes where the sequence numbers begin anew: with another SSRC, or when the client restarts.
  uint32_t stream() const { return streams_ + reception_.restarts(); }
  const rooms::SendingLine& line() const { return line_; }

  void archive(Archive& a) { a(ssrc_, streams_, last_packet_, reception_, speech_); }

 private:
  const rooms::SendingLine& line_;
  uint32_t ssrc_ = 0;
  uint32_t streams_ = 0;  // before the one that is bound
  Instant last_packet_{};
  rtp::Reception reception_{48'000};
  media::SpeechDetector speech_;
};

}  // namespace sluice::rtp_router
