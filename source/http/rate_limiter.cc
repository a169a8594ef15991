#include "source/http/rate_limiter.h"

#include <algorithm>

namespace sluice::http {

RateLimiter::RateLimiter(double rate, double burst, size_t max_clients)
    : rate_(rate), burst_(std::max(burst, 1.0)), max_clients_(max_clients) {}

void RateLimiter::setRate(double rate, double burst, Instant now) {
  rate_ = rate;
  burst_ = std::max(burst, 1.0);
  if (rate <= 0) {
    buckets_.clear();
    by_site_.clear();
  }
  for (Bucket& bucket : buckets_) bucket.tokens.setRate(rate_, burst_, now);
}

bool RateLimiter::allow(const net::Address& client, Instant now, double cost) {
  if (rate_ <= 0) return true;
  const net::Address site = client.site();
  const auto known = by_site_.find(site);
  if (known != by_site_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, known->second);
  } else {
    if (buckets_.size() >= max_clients_) {
      by_site_.erase(buckets_.back().site);
      buckets_.pop_back();
    }
    buckets_.push_front({site, TokenBucket(rate_, burst_, now)});
    by_site_.emplace(site, buckets_.begin());
  }
  return buckets_.front().tokens.take(cost, now);
}

}  // namespace sluice::http
