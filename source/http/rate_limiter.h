// A token bucket per client, in a table of bounded size.
#pragma once

#include <list>
#include <unordered_map>

#include "source/base/clock.h"
#include "source/base/token_bucket.h"
#include "source/net/address.h"

namespace sluice::http {

class RateLimiter {
 public:
  // `rate` tokens per second up to `burst`; a rate of 0 allows everything. When the table is full, the least
  // recently active client is removed.
  RateLimiter(double rate, double burst, size_t max_clients = 4096);

  // Takes `cost` tokens. Addresses of one IPv6 /64 share a bucket, because one host may use all of them.
  bool allow(const net::Address& client, Instant now, double cost = 1);
  // Clients keep their tokens, up to the new burst.
  void setRate(double rate, double burst, Instant now);

  size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    net::Address site;
    TokenBucket tokens;
  };

  double rate_;
  double burst_;
  const size_t max_clients_;
  std::list<Bucket> buckets_;  // most recently used first
  std::unordered_map<net::Address, std::list<Bucket>::iterator> by_site_;
};

}  // namespace sluice::http
