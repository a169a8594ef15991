// Recovers packets that the network lost, if they can still arrive in time: requests missing packets from
// speakers, retransmits to receivers on request, reads and generates RED (RFC 2198) and RTX (RFC 4588). Sits
// between dtls_srtp and the router.
#pragma once

#include <optional>
#include <vector>

#include "api/filters/repair.pb.h"
#include "filters/repair/downlink_stream.h"
#include "filters/repair/repair_budget.h"
#include "filters/repair/repair_policy.h"
#include "filters/repair/settings.h"
#include "filters/repair/statistics.h"
#include "filters/repair/uplink_stream.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"
#include "source/codec/rtcp.h"

namespace sluice::repair {

class RepairFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Repair& config, chain::FactoryContext&);
  chain::FilterPtr create(chain::FilterContext& context) const override;
  rooms::RepairFeatures repairFeatures() const override;

  Settings settings;
};

// Acts on players that signalling announced; packets of other clients pass unchanged.
class Repair final : public chain::Filter {
 public:
  Repair(chain::FilterContext& context, const RepairFactory& factory);
  ~Repair() override;

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  // Packets that receivers may still request are not handed over.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  // A receiver that has been sent no voice for this long: its earlier loss no longer counts.
  static constexpr Duration kIdle = 15s;

  // From the speaker.
  void onSpeech(net::PacketPtr&& packet);
  void onRtx(net::PacketPtr&& packet, const rtp::Packet& rtp);
  void unwrapRed(net::PacketPtr&& packet, const rtp::Packet& rtp);
  // Counts a packet that recovers a missing one. False: it is too late for that.
  bool accept(media::NackScheduler::Arrival arrival, uint16_t sequence, Count by, Instant now);
  void sendNacks();
  void armNacks();
  void sendNack(std::span<const uint16_t> sequences);

  // From and to the receiver.
  void onFeedback(Bytes compound, Instant now);
  // True: the receiver requests this packet for the first time.
  bool answer(uint32_t ssrc, uint16_t sequence, Instant now);
  // Retransmits if the budget allows.
  void resend(DownlinkStream& stream, SentPacket& sent, Instant now);
  void repeatPauses();
  void onVoice(net::PacketPtr&& packet);
  void adapt(Instant now);
  size_t redundancyFor(const DownlinkStream& stream) const;
  net::SharedPacket copy(const net::Packet& packet);
  void rewriteReports(net::Packet& packet);
  void forget();
  void onIdleTimer();
  void leaveHistogram();
  // How long a sent packet may be requested, in time or too late, or repeated as RED.
  Duration memory() const;

  DownlinkStream* find(uint32_t ssrc);
  Duration measuredRoundTrip() const;  // by RTCP; 0: not known
  Duration roundTrip() const;
  uint32_t reportingSsrc() const;

  const RepairFactory* factory_;
  const rooms::PlayerPtr player_;
  std::optional<UplinkStream> uplink_;
  net::Timer nack_timer_;

  std::vector<DownlinkStream> downlink_streams_;
  RepairBudget budget_;             // of retransmissions
  RepairBudget redundancy_budget_;  // of RED
  LossEstimate loss_;
  RepairPolicy policy_;
  Instant adapted_{};
  Instant sent_{};     // when voice was last sent
  net::Timer pauses_;  // while a packet that begins a pause is to be repeated
  net::Timer forget_;  // while anything is remembered
  net::Timer idle_;    // while the receiver counts in the room's loss statistics
};

chain::FilterType filterType();

}  // namespace sluice::repair
