// Sets DSCP and TTL on packets as they leave, per direction and kind. ECN bits are kept (RFC 3168 section 5).
#pragma once

#include <array>
#include <optional>

#include "api/filters/marker.pb.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::marker {

struct Mark {
  std::optional<uint8_t> dscp;  // 0-63
  uint8_t ttl = 0;              // 0: unchanged
};
// By packet kind.
using Marks = std::array<Mark, static_cast<size_t>(PacketKind::kOther) + 1>;

class MarkerFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Marker& config, chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  Marks ingress;
  Marks egress;
};

class Marker final : public chain::Filter {
 public:
  Marker(chain::FilterContext& context, const MarkerFactory& factory) : Filter(context), factory_(&factory) {}

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;

 private:
  const MarkerFactory* factory_;
};

chain::FilterType filterType();

}  // namespace sluice::marker
