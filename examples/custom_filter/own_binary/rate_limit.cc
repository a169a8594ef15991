#include "rate_limit.h"

#include <string>

#include "rate_limit.pb.h"
#include "source/base/token_bucket.h"
#include "source/chain/typed_filter.h"

namespace example {
namespace {

namespace chain = sluice::chain;
namespace net = sluice::net;
namespace stats = sluice::stats;

enum class Drop { kOverRate };
enum class Count { kPassed };
constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kOverRate, "over_rate"}},
    .counters = {{Count::kPassed, "passed", "Packets within the rate."}}};

struct Settings {
  double rate = 0;  // packets per second
};

sluice::Result<Settings> readSettings(const RateLimit& config, chain::FactoryContext&) {
  return Settings{.rate = static_cast<double>(config.packets_per_second())};
}

class RateLimitFilter final : public chain::TypedFilter<Settings, kSchema> {
 public:
  RateLimitFilter(chain::FilterContext& context, const Settings& settings)
      : TypedFilter(context, settings), bucket_(settings.rate, 2 * settings.rate, context.now()) {}

  void onIngress(net::PacketPtr&& packet) override {
    if (!bucket_.take(1, context_.now())) return context_.drop(std::move(packet), Drop::kOverRate);
    context_.count(Count::kPassed);
    context_.ingress(std::move(packet));
  }
  void describe(chain::Description& out) const override {
    out.emplace_back("packets_per_second", std::to_string(static_cast<uint64_t>(bucket_.rate())));
  }

 private:
  bool onSettings(const Settings&) override {
    bucket_.setRate(settings().rate, 2 * settings().rate, context_.now());
    return true;
  }

  sluice::TokenBucket bucket_;
};

}  // namespace

chain::FilterType rateLimit() {
  return chain::typedFilterType<RateLimitFilter, readSettings>({.name = "rate_limit"});
}

}  // namespace example
