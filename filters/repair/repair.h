// Brings back what the network lost, where it still arrives in time: asks speakers for missing packets,
// answers listeners who ask, undoes and makes RED (RFC 2198) and RTX (RFC 4588). Sits between dtls_srtp and
// the router.
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

// Acts for players that signalling announced; for others it passes everything on.
class Repair final : public chain::Filter {
 public:
  Repair(chain::FilterContext& context, const RepairFactory& factory);
  ~Repair() override;

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  // What listeners may still ask for stays behind.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  // Of a listener who hears nobody: what it lost before says nothing any more.
  static constexpr Duration kIdle = 15s;

  // From the speaker.
  void onSpeech(net::PacketPtr&& packet);
  void onRtx(net::PacketPtr&& packet, const rtp::Packet& rtp);
  void unwrapRed(net::PacketPtr&& packet, const rtp::Packet& rtp);
  // Counts what makes good a missing packet. False: it is too late for that.
  bool accept(media::NackScheduler::Arrival arrival, uint16_t sequence, Count by, Instant now);
  void sendNacks();
  void armNacks();
  void sendNack(std::span<const uint16_t> sequences);

  // From and to the listener.
  void onFeedback(Bytes compound, Instant now);
  // True: the listener asks for this packet for the first time.
  bool answer(uint32_t ssrc, uint16_t sequence, Instant now);
  // Within the budget.
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
  // How long what went out may be asked for, in time or too late, or be sent along as RED.
  Duration memory() const;

  DownlinkStream* find(uint32_t ssrc);
  Duration measuredRoundTrip() const;  // by RTCP; 0 for who hears nobody
  Duration roundTrip() const;
  uint32_t reportingSsrc() const;

  const RepairFactory* factory_;
  const rooms::PlayerPtr player_;
  std::optional<UplinkStream> uplink_;
  net::Timer nack_timer_;

  std::vector<DownlinkStream> downlink_streams_;
  RepairBudget budget_;             // of what is sent again
  RepairBudget redundancy_budget_;  // of RED
  LossEstimate loss_;
  RepairPolicy policy_;
  Instant adapted_{};
  Instant sent_{};     // the last voice
  net::Timer pauses_;  // while a packet that begins a pause is to be repeated
  net::Timer forget_;  // while anything is remembered
  net::Timer idle_;    // while the listener counts in the room's census
};

chain::FilterType filterType();

}  // namespace sluice::repair
