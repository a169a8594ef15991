// Drops the packets of a client above a rate.
#pragma once

#include "rate_limit.pb.h"
#include "source/base/token_bucket.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace example {

class RateLimitFactory final : public sluice::chain::FilterFactory {
 public:
  static sluice::Result<sluice::chain::FilterFactoryPtr> make(const RateLimit& config,
                                                              sluice::chain::FactoryContext& context);
  sluice::chain::FilterPtr create(sluice::chain::FilterContext& context) const override;

  double rate = 0;  // packets per second
};

class RateLimitFilter final : public sluice::chain::Filter {
 public:
  RateLimitFilter(sluice::chain::FilterContext& context, const RateLimitFactory& factory);

  void onIngress(sluice::net::PacketPtr&& packet) override;
  bool onReload(const sluice::chain::FilterFactory& factory) override;

 private:
  sluice::TokenBucket bucket_;
};

sluice::chain::FilterType rateLimit();

}  // namespace example
