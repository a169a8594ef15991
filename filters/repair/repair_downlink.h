// Repairs the voice to a receiver: retransmits on request, repeats earlier frames as RED, and measures the
// receiver's loss.
#pragma once

#include <optional>
#include <vector>

#include "filters/repair/downlink_stream.h"
#include "filters/repair/repair_budget.h"
#include "filters/repair/repair_policy.h"
#include "filters/repair/settings.h"
#include "filters/repair/statistics.h"
#include "source/chain/filter.h"
#include "source/codec/rtcp.h"
#include "source/net/timer.h"

namespace sluice::repair {

class RepairDownlink {
 public:
  // The player and the settings outlive this.
  RepairDownlink(Context context, rooms::Player& player, const Settings& settings);
  ~RepairDownlink() { player_.receiver_loss.clear(); }

  // A packet to the receiver; passes it on.
  void onRtp(net::PacketPtr&& packet);
  // The receiver's reports and requests.
  void onRtcp(Bytes compound, Instant now);

  void onSettings(const Settings& settings);
  void describe(chain::Description& out) const;

 private:
  // When the receiver has been sent no voice for this long, its earlier loss no longer counts.
  static constexpr Duration kIdle = 15s;

  void onReport(const rtcp::Packet& part, std::optional<double>& reported) const;
  void onRequests(const rtcp::Packet& part, size_t& requested, Instant now);
  // True: the receiver requests this packet for the first time.
  bool onRequest(uint32_t ssrc, uint16_t sequence, Instant now);
  // Retransmits if the budget allows.
  void resend(DownlinkStream& stream, SentPacket& sent, Instant now);
  void repeatPauses();
  void addRedundancy(DownlinkStream& stream, net::Packet& packet, SentPacket* sent);
  void adapt(Instant now);
  size_t redundancyFor(const DownlinkStream& stream) const;
  net::SharedPacket copy(const net::Packet& packet);
  void forget();
  void onIdleTimer();
  // How long a sent packet is kept: it may be requested, even too late, or repeated as RED.
  Duration memory() const;
  DownlinkStream* streamOf(const net::Packet& packet);
  DownlinkStream* find(uint32_t ssrc);
  Duration roundTrip() const;  // an assumption until RTCP has measured it

  Context context_;
  rooms::Player& player_;
  const Settings* settings_;
  std::vector<DownlinkStream> streams_;
  std::vector<DownlinkStream*> by_slot_;  // null: the slot negotiated no repair
  RepairBudget budget_;                   // of retransmissions
  RepairBudget redundancy_budget_;        // of RED
  LossEstimate loss_;
  RepairPolicy policy_;
  Instant adapted_{};
  Instant sent_{};     // when voice was last sent
  net::Timer pauses_;  // while a packet that begins a pause is to be repeated
  net::Timer forget_;  // while anything is remembered
  net::Timer idle_;    // while the receiver counts in the room's loss statistics
};

}  // namespace sluice::repair
