// A token bucket per client address, in a table of bounded size.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "source/base/clock.h"
#include "source/base/token_bucket.h"

namespace sluice::http {

class RateLimiter {
 public:
  // `rate` tokens a second up to `burst`; a rate of 0 allows everything. When the table is full the address
  // that was silent longest is forgotten.
  RateLimiter(double rate, double burst, size_t max_addresses = 4096);

  // Takes one token of `ip`. IPv6 addresses of one /64 share a bucket: a host has all of them.
  bool allow(std::string_view ip, Instant now);

  size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    std::string key;
    TokenBucket tokens;
  };

  const double rate_;
  const double burst_;
  const size_t max_addresses_;
  std::list<Bucket> buckets_;  // most recently used first
  std::unordered_map<std::string, std::list<Bucket>::iterator> by_key_;
};

}  // namespace sluice::http
