// Impairs packets on purpose: loses, delays, reorders, duplicates and corrupts them. For tests and trials.
#pragma once

#include "filters/impair/delay_line.h"
#include "filters/impair/impairment.h"
#include "filters/impair/settings.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::impair {

class ImpairFactory final : public chain::FilterFactory {
 public:
  explicit ImpairFactory(const Settings& checked) : settings(checked) {}
  static Result<chain::FilterFactoryPtr> make(const filters::Impair& config, chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  const Settings settings;
};

// One direction of one session.
class ImpairedDirection {
 public:
  using Pass = void (chain::FilterContext::*)(net::PacketPtr&&);

  ImpairedDirection(chain::FilterContext& context, const DirectionSettings& settings, uint64_t seed,
                    Pass pass);
  ~ImpairedDirection();

  void take(net::PacketPtr&& packet);
  // Packets that wait keep their times.
  void configure(const DirectionSettings& settings);
  void reseed(uint64_t seed) { line_.reseed(seed); }
  void flush();
  size_t held() const { return held_.size(); }

 private:
  void apply(net::PacketPtr&& packet, const Outcome& outcome);
  void release();

  chain::FilterContext& context_;
  const Pass pass_;
  bool only_rtp_;
  Impairment line_;
  DelayLine held_;
  net::Timer timer_;
};

class Impair final : public chain::Filter {
 public:
  Impair(chain::FilterContext& context, const ImpairFactory& factory);

  void onIngress(net::PacketPtr&& packet) override { ingress_.take(std::move(packet)); }
  void onEgress(net::PacketPtr&& packet) override { egress_.take(std::move(packet)); }
  bool onReload(const chain::FilterFactory& factory) override;
  void onFlush() override {
    ingress_.flush();
    egress_.flush();
  }
  void describe(chain::Description& out) const override;

 private:
  std::optional<uint64_t> seed_;  // as configured
  ImpairedDirection ingress_;
  ImpairedDirection egress_;
};

chain::FilterType filterType();

}  // namespace sluice::impair
