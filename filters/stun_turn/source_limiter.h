// Rate-limits answers per client address in constant memory. Each address has two places by a salted hash,
// and is refused when both are used up: who shares one with a flood still has the other. Who proves its
// identity is not limited at all.
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

class SourceLimiter {
 public:
  // `rate` answers per second and client, > 0, with a burst of twice as many.
  explicit SourceLimiter(double rate) : rate_(rate) {}

  // Could it be answered now?
  bool wouldAllow(const net::Address& client, Instant now) const {
    const auto [first, second] = placesOf(client);
    return after(rows_[0][first], now) <= now + kBurst || after(rows_[1][second], now) <= now + kBurst;
  }
  // Counts an answer, unless it must not be.
  bool allow(const net::Address& client, Instant now) {
    if (!wouldAllow(client, now)) return false;
    const auto [first, second] = placesOf(client);
    for (Instant* place : {&rows_[0][first], &rows_[1][second]})
      *place = std::min(after(*place, now), now + kBurst);
    return true;
  }

  void setRate(double rate) { rate_ = rate; }

 private:
  static constexpr size_t kPlaces = 65'536;
  static constexpr Duration kBurst = 2s;  // of answers at the rate

  std::pair<size_t, size_t> placesOf(const net::Address& client) const {
    const size_t hash = client.customer().hash(salt_);
    return {hash % kPlaces, (hash >> 32) % kPlaces};
  }
  Instant after(Instant used_until, Instant now) const {
    return std::max(used_until, now) + Duration{static_cast<int64_t>(1e9 / rate_)};
  }

  double rate_;
  const uint64_t salt_ = randomU64();
  std::array<std::vector<Instant>, 2> rows_{std::vector<Instant>(kPlaces), std::vector<Instant>(kPlaces)};
};

}  // namespace sluice::stun_turn
