// One direction of the opus filter: finds the streams, handles their RTCP, adapts the profile.
#pragma once

#include <memory>
#include <vector>

#include "filters/opus/stream.h"
#include "source/chain/filter.h"
#include "source/media/line_average.h"

namespace sluice::opus_filter {

class DirectionPipeline {
 public:
  // `settings` is null if this direction only passes packets on.
  DirectionPipeline(Context context, bool inward, const DirectionSettings* settings, uint8_t payload_type);
  ~DirectionPipeline();

  // A packet in this direction.
  void onPacket(net::PacketPtr&& packet);
  // RTCP in the other direction: what the receivers of these streams report about the line.
  void readReports(Bytes compound);
  // RTCP in the other direction: makes it report on the streams as they were received, not as this filter
  // changed them (RFC 3550 section 7.2). For ingress only.
  void onReports(net::Packet& packet);

  void onReload(const DirectionSettings* settings, uint8_t payload_type);
  void flush();
  void archive(Archive& a);
  void describe(chain::Description& out) const;

 private:
  static constexpr Duration kAdaptInterval = 100ms;

  bool fillsGaps() const;
  void clearLoss();
  size_t maxStreams() const;
  std::optional<uint8_t> payloadTypeOf(uint32_t ssrc) const;
  Stream* find(uint32_t ssrc);
  Stream& take(uint32_t ssrc);
  void onRtp(net::PacketPtr&& packet);
  void onRtcp(net::Packet& packet);
  void adapt();
  media::Adaptation::Line line() const;

  DirectionContext direction_;
  uint8_t payload_type_;
  Instant adapted_{};
  media::LineAverage average_;
  media::Adaptation::Line reported_{};  // by readReports()
  uint32_t reported_rtts_ = 0;
  std::vector<std::unique_ptr<Stream>> streams_;  // created with a stream's first packet: codecs are large
};

}  // namespace sluice::opus_filter
