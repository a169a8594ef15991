#include "filters/opus/opus.h"

namespace sluice::opus_filter {

Result<chain::FilterFactoryPtr> OpusFactory::make(const filters::Opus& config, chain::FactoryContext&) {
  auto settings = readSettings(config);
  if (!settings.ok()) return settings.errors();
  auto factory = std::make_shared<OpusFactory>();
  factory->settings = *settings;
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr OpusFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Opus>(context, *this);
}

Opus::Opus(chain::FilterContext& context, const OpusFactory& factory)
    : Filter(context),
      ingress_(context, true, factory.ingress(), factory.settings.payload_type),
      egress_(context, false, factory.egress(), factory.settings.payload_type) {}

void Opus::onIngress(net::PacketPtr&& packet) {
  if (packet->kind == PacketKind::kRtcp) egress_.readReports(packet->data());
  ingress_.onPacket(std::move(packet));
}

void Opus::onEgress(net::PacketPtr&& packet) {
  if (packet->kind == PacketKind::kRtcp) {
    ingress_.readReports(packet->data());
    ingress_.onReports(*packet);
  }
  egress_.onPacket(std::move(packet));
}

bool Opus::onReload(const chain::FilterFactory& factory) {
  const auto& fresh = static_cast<const OpusFactory&>(factory);
  ingress_.onReload(fresh.ingress(), fresh.settings.payload_type);
  egress_.onReload(fresh.egress(), fresh.settings.payload_type);
  return true;
}

void Opus::onFlush() {
  ingress_.flush();
  egress_.flush();
}

bool Opus::archive(Archive& a) {
  a(ingress_, egress_);
  return true;
}

void Opus::describe(chain::Description& out) const {
  ingress_.describe(out);
  egress_.describe(out);
}

chain::FilterType filterType() {
  return {.name = "opus",
          .config_type = "sluice.filters.Opus",
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = kHistograms},
          .parse = chain::parseAs<filters::Opus, OpusFactory>};
}

}  // namespace sluice::opus_filter
