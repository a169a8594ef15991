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

  bool allow(const net::Address& client, Instant now) {
    return buckets_[client.customer().hash(salt_) % kBuckets].take(1, now);
  }

  void setRate(double rate, Instant now) {
    if (rate == rate_) return;
    rate_ = rate;
    for (TokenBucket& bucket : buckets_) bucket.setRate(rate, 2 * rate, now);
  }

 private:
  static constexpr size_t kBuckets = 8192;

  double rate_;
  const uint64_t salt_ = randomU64();
  std::vector<TokenBucket> buckets_;
};

}  // namespace sluice::stun_turn
