// A token bucket for each client, in a table of bounded size.
#pragma once

#include <list>
#include <unordered_map>

#include "source/base/clock.h"
#include "source/base/token_bucket.h"
#include "source/net/address.h"

namespace sluice::http {

class RateLimiter {
 public:
  // `rate` tokens a second up to `burst`; a rate of 0 allows everything. When the table is full the client
  // that was silent longest is forgotten.
  RateLimiter(double rate, double burst, size_t max_clients = 4096);

  // Takes `cost` tokens. Addresses of one IPv6 /64 share a bucket: a host has all of them.
  bool allow(const net::Address& client, Instant now, double cost = 1);
  // Clients keep the tokens that they have, up to the new burst.
  void setRate(double rate, double burst, Instant now);

  size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    net::Address customer;
    TokenBucket tokens;
  };

  double rate_;
  double burst_;
  const size_t max_clients_;
  std::list<Bucket> buckets_;  // most recently used first
  std::unordered_map<net::Address, std::list<Bucket>::iterator> by_customer_;
};

}  // namespace sluice::http
