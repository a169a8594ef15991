// Rate-limits responses in constant memory. Each source has two places, chosen by a salted hash, and is
// refused when both are used up: a source that shares one place with a flood still has the other.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

class SourceLimiter {
 public:
  enum class Source {
    kSite,     // an IPv4 address or an IPv6 /64: the source address may be forged
    kAddress,  // an IP address and port, for clients that have shown that they receive what is sent there
  };

  // `rate` responses per second and source, > 0, with a burst of five times as many.
  SourceLimiter(Source source, double rate) : source_(source), rate_(rate) {}

  // True if a response is allowed now.
  bool wouldAllow(const net::Address& client, Instant now) const {
    const auto [first, second] = placesOf(client);
    return after((*rows_)[0][first], now) <= now + kBurst || after((*rows_)[1][second], now) <= now + kBurst;
  }
  // Counts a response, if it is allowed.
  bool allow(const net::Address& client, Instant now) {
    if (!wouldAllow(client, now)) return false;
    const auto [first, second] = placesOf(client);
    for (Instant* place : {&(*rows_)[0][first], &(*rows_)[1][second]})
      *place = std::min(after(*place, now), now + kBurst);
    return true;
  }

  void setRate(double rate) { rate_ = rate; }

 private:
  static constexpr size_t kPlaces = 65'536;
  static constexpr Duration kBurst = 5s;  // of responses at the rate

  using Rows = std::array<std::array<Instant, kPlaces>, 2>;
  struct Unmap {
    void operator()(Rows* rows) const { ::munmap(rows, sizeof(Rows)); }
  };
  // The kernel supplies a zeroed page when one of its places is first used. Clearing the whole tables would
  // delay a takeover, during which packets wait.
  static std::unique_ptr<Rows, Unmap> mapRows() {
    static_assert(std::is_trivially_destructible_v<Rows>);
    void* pages = ::mmap(nullptr, sizeof(Rows), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return std::unique_ptr<Rows, Unmap>(static_cast<Rows*>(pages));
  }

  std::pair<size_t, size_t> placesOf(const net::Address& client) const {
    const size_t hash = (source_ == Source::kSite ? client.site() : client).hash(salt_);
    return {hash % kPlaces, (hash >> 32) % kPlaces};
  }
  Instant after(Instant used_until, Instant now) const {
    return std::max(used_until, now) + Duration{static_cast<int64_t>(1e9 / rate_)};
  }

  const Source source_;
  double rate_;
  const uint64_t salt_ = randomU64();
  std::unique_ptr<Rows, Unmap> rows_ = mapRows();
};

}  // namespace sluice::stun_turn
