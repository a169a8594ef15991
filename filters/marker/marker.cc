#include "filters/marker/marker.h"

namespace sluice::marker {
namespace {

constexpr uint8_t kEcnMask = 0x03;

Mark parseMark(const filters::Marker::Mark& config, const std::string& path, Errors& errors) {
  Mark mark;
  if (config.has_dscp()) {
    if (config.dscp() > 63) errors.push_back({path + ".dscp", "must be 0 to 63"});
    mark.dscp = static_cast<uint8_t>(config.dscp());
  }
  if (config.has_ttl()) {
    if (config.ttl() < 1 || config.ttl() > 255) errors.push_back({path + ".ttl", "must be 1 to 255"});
    mark.ttl = static_cast<uint8_t>(config.ttl());
  }
  return mark;
}

Marks parseDirection(const filters::Marker::Direction& config, const std::string& path, Errors& errors) {
  Marks marks;
  marks.fill(parseMark(config.all(), path + ".all", errors));
  const auto refine = [&](PacketKind kind, const filters::Marker::Mark& mark, const char* field) {
    const Mark own = parseMark(mark, path + field, errors);
    Mark& target = marks[static_cast<size_t>(kind)];
    if (own.dscp) target.dscp = own.dscp;
    if (own.ttl != 0) target.ttl = own.ttl;
  };
  refine(PacketKind::kRtp, config.rtp(), ".rtp");
  refine(PacketKind::kRtcp, config.rtcp(), ".rtcp");
  refine(PacketKind::kStun, config.stun(), ".stun");
  refine(PacketKind::kTurn, config.stun(), ".stun");
  refine(PacketKind::kDtls, config.dtls(), ".dtls");
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
  Errors errors;
  factory->ingress = parseDirection(config.ingress(), "ingress", errors);
  factory->egress = parseDirection(config.egress(), "egress", errors);
  if (!errors.empty()) return errors;
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
