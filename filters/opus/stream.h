// One RTP stream (SSRC) in one direction: holds its packets until their playout time, then releases them as
// the mode requires.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "filters/opus/settings.h"
#include "filters/opus/statistics.h"
#include "filters/opus/transcoder.h"
#include "source/base/token_bucket.h"
#include "source/codec/reception.h"
#include "source/codec/rtp.h"
#include "source/media/concealer.h"
#include "source/media/talkspurt.h"
#include "source/net/timer.h"

namespace sluice::opus_filter {

// State shared by the streams of one direction.
struct DirectionContext {
  Context context;
  const bool inward;
  const DirectionSettings* settings;  // null: the direction no longer has settings
  media::ConcealerTools& tools;
  media::Adaptation adaptation;

  Mode mode() const { return settings->mode; }
  void pass(net::PacketPtr&& packet) {
    inward ? context.ingress(std::move(packet)) : context.egress(std::move(packet));
  }
};

class Stream {
 public:
  explicit Stream(DirectionContext& direction);
  ~Stream() { leave(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Releases all packets and becomes the stream of `ssrc`.
  void begin(uint32_t ssrc);
  void onVoice(net::PacketPtr&& packet, const rtp::Packet& voice);
  // A packet of the stream that is not Opus, or is empty.
  void onOther(net::PacketPtr&& packet, const rtp::Packet& other);
  void onSenderReport(rtcp::Ntp ntp) { reception_.onSenderReport(ntp, direction_.context.now()); }
  // Releases all held packets now; no more are expected to follow.
  void flush();
  // Releases all held packets, and makes the router continue the stream's numbers after the last one of this
  // filter.
  void leave();
  // The stream's SSRC and numbering, not the packets that it holds.
  void archive(Archive& a);
  // The direction has new settings. Passes nothing on.
  void onReload();

  uint32_t ssrc() const { return ssrc_; }
  bool used() const { return used_; }
  Instant lastPacket() const { return last_packet_; }
  const media::JitterBuffer& buffer() const { return buffer_; }
  std::optional<Duration> roundTrip(const rtcp::ReportBlock& block) const {
    return reception_.roundTripBeyond(block, direction_.context.now());
  }
  rtcp::ReportBlock report() { return reception_.report(ssrc_, direction_.context.now()); }
  // In TRANSCODE: the counts for a sender report (RFC 3550 section 6.4.1).
  uint32_t packetsSent() const { return packets_sent_; }
  uint32_t octetsSent() const { return octets_sent_; }

 private:
  using Out = media::JitterBuffer::Out;
  struct Held {
    Instant arrival;
    uint16_t payload_at;
    uint16_t payload_size;
  };
  static Bytes payloadOf(const net::Packet& packet);

  void restart();
  void hold(net::PacketPtr&& packet, const rtp::Packet& voice, uint32_t samples);
  void release(Instant now);
  void handle(const Out& out);
  void onFrame(net::PacketPtr&& packet, const Out& out);
  void onGap(const Out& gap);
  void conceal(const Out& gap, const net::Packet& next);
  // If no packet arrives before this time, a pause has begun; Instant::max(): unknown.
  Instant pauseDue() const;
  void beginPause();
  void transcode(net::PacketPtr&& packet, const Out& out);
  void complete(uint32_t timestamp);
  void transcodeGap(const Out& gap, const net::Packet& next);
  void encode(const net::Packet& model);
  bool send(const net::Packet& model, uint16_t sequence, uint32_t timestamp, Bytes payload);
  bool mayFill(const Out& gap);

  DirectionContext& direction_;
  uint32_t ssrc_ = 0;
  bool used_ = false;
  Instant last_packet_{};
  uint16_t last_received_ = 0;  // the sender's highest sequence number
  rtp::Reception reception_{48'000};
  uint32_t restarts_ = 0;  // the reception's restarts that were seen
  media::JitterBuffer buffer_;
  std::array<net::PacketPtr, media::JitterBuffer::kMaxFrames> held_;
  media::Concealer concealer_;
  media::Talkspurt talkspurt_;
  std::optional<uint16_t> made_pause_;  // the sender's number of the last DTX packet that this filter created
  // The last packet that was released, as it arrived.
  uint16_t released_ = 0;
  uint32_t released_timestamp_ = 0;
  uint8_t payload_type_ = 0;
  // Samples that may be decoded: a sender faster than real time harms only itself.
  TokenBucket codec_budget_;
  TokenBucket rebuild_budget_;              // samples that may be decoded to rebuild packets
  TokenBucket fill_budget_;                 // samples that may be made without input
  std::unique_ptr<Transcoder> transcoder_;  // in TRANSCODE

  // Sequence numbers are the sender's until transcoding produces a different number of packets.
  uint16_t last_sequence_ = 0;  // the last number sent
  uint16_t offset_ = 0;         // added to the sender's numbers
  bool renumber_ = false;       // the next frame follows last_sequence_
  uint32_t packets_sent_ = 0;
  uint32_t octets_sent_ = 0;
  net::Timer timer_;
};

}  // namespace sluice::opus_filter
