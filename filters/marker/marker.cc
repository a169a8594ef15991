#include "filters/marker/marker.h"

#include <array>
#include <optional>

#include "api/filters/marker.pb.h"
#include "source/chain/typed_filter.h"

namespace sluice::marker {
namespace {

constexpr uint8_t kEcnMask = 0x03;

struct Mark {
  std::optional<uint8_t> dscp;  // 0-63
  uint8_t ttl = 0;              // 0: unchanged
};
// By packet kind.
using Marks = std::array<Mark, static_cast<size_t>(PacketKind::kOther) + 1>;

struct Settings {
  Marks ingress;
  Marks egress;
};

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

Result<Settings> readSettings(const filters::Marker& config, chain::FactoryContext&) {
  return Settings{.ingress = readDirection(config.ingress()), .egress = readDirection(config.egress())};
}

void apply(const Marks& marks, net::Packet& packet) {
  const Mark& mark = marks[static_cast<size_t>(packet.kind)];
  if (mark.dscp) packet.tos = static_cast<uint8_t>(*mark.dscp << 2 | (packet.tos & kEcnMask));
  if (mark.ttl != 0) packet.ttl = mark.ttl;
}

constexpr stats::Schema<stats::None> kSchema{};

class Marker final : public chain::TypedFilter<Settings, kSchema> {
 public:
  using TypedFilter::TypedFilter;

  void onIngress(net::PacketPtr&& packet) override {
    apply(settings().ingress, *packet);
    context_.ingress(std::move(packet));
  }
  void onEgress(net::PacketPtr&& packet) override {
    apply(settings().egress, *packet);
    context_.egress(std::move(packet));
  }
};

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Marker, readSettings>({.name = "marker"});
}

}  // namespace sluice::marker
