// Repairs the voice of a speaker: requests missing packets, unwraps RTX and RED, and corrects the reports to
// the speaker.
#pragma once

#include <span>

#include "filters/repair/settings.h"
#include "filters/repair/statistics.h"
#include "filters/repair/uplink_stream.h"
#include "source/chain/filter.h"
#include "source/net/timer.h"

namespace sluice::repair {

class RepairUplink {
 public:
  // `player` must have negotiated sending. It and the settings outlive this.
  RepairUplink(Context context, const rooms::Player& player, const Settings& settings);

  void onRtp(net::PacketPtr&& packet);
  // Sender reports and BYEs of the speaker.
  void onRtcp(Bytes compound, Instant now);
  // Makes reports to the speaker state the loss of its line combined with that of the room's receivers.
  void rewriteReports(net::Packet& rtcp);

  void onSettings(const Settings& settings);
  void archive(Archive& a);
  void describe(chain::Description& out) const;

 private:
  void onRtx(net::PacketPtr&& packet);
  void unwrapRed(net::PacketPtr&& packet);
  // Counts a packet if it recovers a missing one. False: it arrived too late.
  bool accept(media::NackScheduler::Arrival arrival, uint16_t sequence, Count by, Instant now);
  void armNacks();
  void sendNacks();
  void sendNack(std::span<const uint16_t> sequences);

  Context context_;
  const rooms::Player& player_;
  const Settings* settings_;
  UplinkStream stream_;
  net::Timer nack_timer_;
};

}  // namespace sluice::repair
