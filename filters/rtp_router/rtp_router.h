// Routes voice in rooms: each speaker's packets go to all other players in the room, on one of the slots of
// each. RTCP ends here: reports are read and generated, never forwarded.
#pragma once

#include <optional>
#include <vector>

#include "api/filters/rtp_router.pb.h"
#include "filters/rtp_router/router_worker.h"
#include "filters/rtp_router/slot_stream.h"
#include "filters/rtp_router/slot_table.h"
#include "filters/rtp_router/speaker.h"
#include "filters/rtp_router/uplink_limit.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::rtp_router {

class RtpRouterFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::RtpRouter& config,
                                              chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  rooms::Directory* directory = nullptr;  // main thread only
  Duration slot_hold{};
  UplinkLimit::Config uplink;
  Duration rtcp_interval{};
};

class RtpRouter final : public chain::Filter, private Receiver {
 public:
  RtpRouter(chain::FilterContext& context, const RtpRouterFactory& factory);
  ~RtpRouter() override;

  void onIngress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  uint32_t number() const override { return player_->number; }
  void deliver(const net::SharedPacket& packet, const Voice& voice) override;

  void onRtp(net::PacketPtr&& packet);
  void distribute(net::PacketPtr&& packet, const rtp::Packet& rtp);
  void bind(uint32_t ssrc);
  void onRtcp(net::PacketPtr&& packet);
  bool isOurs(uint32_t ssrc) const;
  void onRoundTrip(Duration round_trip);
  void sendReports();
  void sendReport(std::span<const rtcp::SenderInfo> senders, std::span<const rtcp::ReportBlock> blocks);
  void armReports();
  uint32_t reportingSsrc() const;

  const RtpRouterFactory* factory_;
  const rooms::PlayerPtr player_;  // null: not announced by signalling; everything is dropped
  RouterWorker& shared_;
  std::optional<Speaker> speaker_;
  UplinkLimit uplink_;
  bool newly_bound_ = false;  // the directory has yet to be told the speaker's SSRC
  SlotTable slots_;
  std::vector<SlotStream> streams_;  // by slot
  net::Timer reports_;
};

chain::FilterType filterType();

}  // namespace sluice::rtp_router
