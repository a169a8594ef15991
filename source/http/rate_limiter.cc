#include "source/http/rate_limiter.h"

#include <arpa/inet.h>

#include <algorithm>

namespace sluice::http {
namespace {

std::string bucketKey(std::string_view ip) {
  const std::string text(ip);
  in6_addr address;
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) return text;
  return std::string(reinterpret_cast<const char*>(&address), 8);
}

}  // namespace

RateLimiter::RateLimiter(double rate, double burst, size_t max_addresses)
    : rate_(rate), burst_(std::max(burst, 1.0)), max_addresses_(max_addresses) {}

bool RateLimiter::allow(std::string_view ip, Instant now) {
  if (rate_ <= 0) return true;
  std::string key = bucketKey(ip);
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, known->second);
  } else {
    if (buckets_.size() >= max_addresses_) {
      by_key_.erase(buckets_.back().key);
      buckets_.pop_back();
    }
    buckets_.push_front({key, TokenBucket(rate_, burst_, now)});
    by_key_.emplace(std::move(key), buckets_.begin());
  }

  return buckets_.front().tokens.take(1, now);
}

}  // namespace sluice::http
