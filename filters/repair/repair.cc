#include "filters/repair/repair.h"

#include <optional>
#include <utility>

#include "filters/repair/repair_downlink.h"
#include "filters/repair/repair_uplink.h"
#include "filters/repair/settings.h"
#include "filters/repair/statistics.h"
#include "source/chain/typed_filter.h"

namespace sluice::repair {
namespace {

// Acts on players that signalling announced; packets of other clients pass unchanged.
class Repair final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Repair(chain::FilterContext& context, const Settings& settings);

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  // Packets that receivers may still request are not handed over.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  bool onSettings(const Settings& before) override;

  const rooms::PlayerPtr player_;  // null: the session has no player
  std::optional<RepairUplink> uplink_;
  std::optional<RepairDownlink> downlink_;
};

Repair::Repair(chain::FilterContext& context, const Settings& settings)
    : TypedFilter(context, settings), player_(context.session().player()) {
  if (player_ == nullptr) return;
  if (player_->negotiated.sending) uplink_.emplace(context_, *player_, settings);
  downlink_.emplace(context_, *player_, settings);
}

void Repair::onIngress(net::PacketPtr&& packet) {
  if (packet->kind == PacketKind::kRtp && uplink_) return uplink_->onRtp(std::move(packet));
  if (packet->kind == PacketKind::kRtcp) {
    if (uplink_) uplink_->onRtcp(packet->data(), packet->received);
    if (downlink_) downlink_->onRtcp(packet->data(), packet->received);
  }
  context_.ingress(std::move(packet));
}

void Repair::onEgress(net::PacketPtr&& packet) {
  if (packet->kind == PacketKind::kRtp && downlink_) return downlink_->onRtp(std::move(packet));
  if (packet->kind == PacketKind::kRtcp && uplink_) uplink_->rewriteReports(*packet);
  context_.egress(std::move(packet));
}

bool Repair::onSettings(const Settings&) {
  if (uplink_) uplink_->onSettings(settings());
  if (downlink_) downlink_->onSettings(settings());
  return true;
}

bool Repair::archive(Archive& a) {
  if (uplink_) uplink_->archive(a);
  return true;
}

void Repair::describe(chain::Description& out) const {
  if (uplink_) uplink_->describe(out);
  if (downlink_) downlink_->describe(out);
}

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Repair, readSettings>({.name = "repair", .needs = chain::kPlainRtp});
}

}  // namespace sluice::repair
