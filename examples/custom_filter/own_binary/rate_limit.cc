#include "rate_limit.h"

namespace example {
namespace {

// The enum is an index into the list.
enum class Drop { kOverRate };
constexpr std::string_view kDrops[] = {"over_rate"};

}  // namespace

sluice::Result<sluice::chain::FilterFactoryPtr> RateLimitFactory::make(const RateLimit& config,
                                                                       sluice::chain::FactoryContext&) {
  auto factory = std::make_shared<RateLimitFactory>();
  factory->rate = config.packets_per_second();
  return sluice::chain::FilterFactoryPtr(std::move(factory));
}

sluice::chain::FilterPtr RateLimitFactory::create(sluice::chain::FilterContext& context) const {
  return std::make_unique<RateLimitFilter>(context, *this);
}

RateLimitFilter::RateLimitFilter(sluice::chain::FilterContext& context, const RateLimitFactory& factory)
    : Filter(context), bucket_(factory.rate, 2 * factory.rate, context.now()) {}

void RateLimitFilter::onIngress(sluice::net::PacketPtr&& packet) {
  if (!bucket_.take(1, context_.now())) return context_.drop(std::move(packet), Drop::kOverRate);
  context_.ingress(std::move(packet));
}

bool RateLimitFilter::onReload(const sluice::chain::FilterFactory& factory) {
  const double rate = static_cast<const RateLimitFactory&>(factory).rate;
  bucket_.setRate(rate, 2 * rate, context_.now());
  return true;
}

sluice::chain::FilterType rateLimit() {
  return {.name = "rate_limit",
          .config_type = "example.RateLimit",
          .schema = {.drops = kDrops, .counters = {}, .histograms = {}},
          .parse = sluice::chain::parseAs<RateLimit, RateLimitFactory>};
}

}  // namespace example
