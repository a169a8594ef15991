// Rate-limits answers per client address in constant memory. Each address has two places by a salted hash,
// and is refused when both are used up: who shares one with a flood still has the other. Who proves its
// identity is not limited at all.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

class SourceLimiter {
 public:
  // `rate` answers per second and client, > 0, with a burst of twice as many.
  explicit SourceLimiter(double rate) : rate_(rate) {}

  bool allow(const net::Address& client, Instant now) {
    const size_t hash = client.customer().hash(salt_);
    std::array<Instant*, 2> places{&rows_[0][hash % kPlaces], &rows_[1][(hash >> 32) % kPlaces]};
    const auto after = [&](Instant used_until) { return std::max(used_until, now) + cost(); };
    const Instant most = now + kBurst;
    if (after(*places[0]) > most && after(*places[1]) > most) return false;
    for (Instant* place : places) *place = std::min(after(*place), most);
    return true;
  }

  // Takes back what allow() has charged: the client has proven itself.
  void forgive(const net::Address& client) {
    const size_t hash = client.customer().hash(salt_);
    for (Instant* place : {&rows_[0][hash % kPlaces], &rows_[1][(hash >> 32) % kPlaces]}) *place -= cost();
  }

  void setRate(double rate) { rate_ = rate; }

 private:
  static constexpr size_t kPlaces = 65'536;
  static constexpr Duration kBurst = 2s;  // of answers at the rate

  Duration cost() const { return Duration{static_cast<int64_t>(1e9 / rate_)}; }

  double rate_;
  const uint64_t salt_ = randomU64();
  std::array<std::vector<Instant>, 2> rows_{std::vector<Instant>(kPlaces), std::vector<Instant>(kPlaces)};
};

}  // namespace sluice::stun_turn
