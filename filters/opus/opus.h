// Reorders Opus packets, conceals missing ones, or transcodes: in one direction of a session or in both.
#pragma once

#include "filters/opus/direction_pipeline.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::opus_filter {

class OpusFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Opus& config, chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  const DirectionSettings* ingress() const { return settings.ingress ? &*settings.ingress : nullptr; }
  const DirectionSettings* egress() const { return settings.egress ? &*settings.egress : nullptr; }

  Settings settings;
};

class Opus final : public chain::Filter {
 public:
  Opus(chain::FilterContext& context, const OpusFactory& factory);

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  void onFlush() override;
  // The state of decoders and encoders is not handed over.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  DirectionPipeline ingress_;
  DirectionPipeline egress_;
};

chain::FilterType filterType();

}  // namespace sluice::opus_filter
