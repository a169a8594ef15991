#include "filters/opus/opus.h"

#include "filters/opus/direction_pipeline.h"
#include "filters/opus/settings.h"
#include "filters/opus/statistics.h"
#include "source/chain/typed_filter.h"

namespace sluice::opus_filter {
namespace {

class Opus final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Opus(chain::FilterContext& context, const Settings& settings)
      : TypedFilter(context, settings),
        ingress_(context_, true, of(settings.ingress), settings.payload_type),
        egress_(context_, false, of(settings.egress), settings.payload_type) {}

  void onIngress(net::PacketPtr&& packet) override {
    if (packet->kind == PacketKind::kRtcp) egress_.readReports(packet->data());
    ingress_.onPacket(std::move(packet));
  }
  void onEgress(net::PacketPtr&& packet) override {
    if (packet->kind == PacketKind::kRtcp) {
      ingress_.readReports(packet->data());
      ingress_.onReports(*packet);
    }
    egress_.onPacket(std::move(packet));
  }
  void onFlush() override {
    ingress_.flush();
    egress_.flush();
  }
  // The state of decoders and encoders is not handed over.
  bool archive(Archive& a) override {
    a(ingress_, egress_);
    return true;
  }
  void describe(chain::Description& out) const override {
    ingress_.describe(out);
    egress_.describe(out);
  }

 private:
  static const DirectionSettings* of(const std::optional<DirectionSettings>& direction) {
    return direction ? &*direction : nullptr;
  }
  bool onSettings(const Settings&) override {
    ingress_.onReload(of(settings().ingress), settings().payload_type);
    egress_.onReload(of(settings().egress), settings().payload_type);
    return true;
  }

  DirectionPipeline ingress_;
  DirectionPipeline egress_;
};

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Opus, readSettings>({.name = "opus"});
}

}  // namespace sluice::opus_filter
