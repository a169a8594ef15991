#include "filters/marker/marker.h"

namespace sluice::marker {
namespace {

constexpr uint8_t kEcnMask = 0x03;

Marks readDirection(const filters::Marker::Direction& config) {
  Marks marks;
  const auto refine = [](Mark& mark, const filters::Marker::Mark& own) {
    if (own.has_dscp()) mark.dscp = static_cast<uint8_t>(own.dscp());
    if (own.has_ttl()) mark.ttl = static_cast<uint8_t>(own.ttl());
  };
  const auto markOf = [&](PacketKind kind) -> Mark& { return marks[static_cast<size_t>(kind)]; };
  for (Mark& mark : marks) refine(mark, config.all());
  refine(markOf(PacketKind::kRtp), config.rtp());
  refine(markOf(PacketKind::kRtcp), config.rtcp());
  refine(markOf(PacketKind::kStun), config.stun());
  refine(markOf(PacketKind::kTurn), config.stun());
  refine(markOf(PacketKind::kDtls), config.dtls());
  return marks;
}

void apply(const Marks& marks, net::Packet& packet) {
  const Mark& mark = marks[static_cast<size_t>(packet.kind)];
  if (mark.dscp) packet.tos = static_cast<uint8_t>(*mark.dscp << 2 | (packet.tos & kEcnMask));
  if (mark.ttl != 0) packet.ttl = mark.ttl;
}

}  // namespace

Result<chain::FilterFactoryPtr> MarkerFactory::make(const filters::Marker& config, chain::FactoryContext&) {
  auto factory = std::make_shared<MarkerFactory>();
  factory->ingress = readDirection(config.ingress());
  factory->egress = readDirection(config.egress());
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr MarkerFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Marker>(context, *this);
}

void Marker::onIngress(net::PacketPtr&& packet) {
  apply(factory_->ingress, *packet);
  context_.ingress(std::move(packet));
}

void Marker::onEgress(net::PacketPtr&& packet) {
  apply(factory_->egress, *packet);
  context_.egress(std::move(packet));
}

bool Marker::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const MarkerFactory*>(&factory);
  return true;
}

chain::FilterType filterType() {
  return {.name = "marker",
          .config_type = "sluice.filters.Marker",
          .schema = {},
          .parse = chain::parseAs<filters::Marker, MarkerFactory>};
}

}  // namespace sluice::marker
