// Rate-limits answers per client address in constant memory: addresses share buckets by a salted hash. A
// flood from many addresses empties the buckets, never the memory; who proves its identity is not limited at
// all.
#pragma once

#include <vector>

#include "source/base/random.h"
#include "source/base/token_bucket.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

class SourceLimiter {
 public:
  // `rate` answers per second and bucket, > 0, with a burst of twice as many.
  SourceLimiter(double rate, Instant now)
      : rate_(rate), buckets_(kBuckets, TokenBucket(rate, 2 * rate, now)) {}

  // IPv6 clients count by their /64, which is one customer.
  bool allow(const net::Address& client, Instant now) {
    const Bytes ip = client.ip();
    const size_t h = net::Address(ip, 0).hash();
    const size_t v6 = client.isV6() ? static_cast<size_t>(readU64(ip.data())) * kMix : h;
    return buckets_[((v6 ^ salt_) * kMix >> 32) % kBuckets].take(1, now);
  }

  void setRate(double rate, Instant now) {
    if (rate == rate_) return;
    rate_ = rate;
    for (TokenBucket& bucket : buckets_) bucket.setRate(rate, 2 * rate, now);
  }

 private:
  static constexpr size_t kBuckets = 8192;
  static constexpr uint64_t kMix = 0x9E3779B97F4A7C15u;

  double rate_;
  const uint64_t salt_ = randomU64();
  std::vector<TokenBucket> buckets_;
};

}  // namespace sluice::stun_turn
