// Consent to receive (RFC 7675 section 5.1): which address pairs of a session were checked, and when. Consent
// belongs to an address pair, not to the session. Pure.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

class Consent {
 public:
  struct Pair {
    net::Address remote;
    net::Address local;
    Instant last{};  // when it consented
    void archive(Archive& a) { a(remote, local, last); }
  };
  static constexpr size_t kMaxPairs = 8;

  // If there are already kMaxPairs, a new pair replaces the one that consented longest ago.
  void renew(const net::Address& remote, const net::Address& local, Instant now) {
    auto pair = std::ranges::find_if(pairs_, Is{remote, local});
    if (pair == pairs_.end()) {
      pair = pairs_.size() < kMaxPairs ? pairs_.emplace(pairs_.end())
                                       : std::ranges::min_element(pairs_, {}, &Pair::last);
    }
    *pair = {remote, local, now};
  }

  // The decision of egress about the selected pair.
  enum class Verdict {
    kKeep,
    kMove,     // to latest(): the selected pair is no longer checked, and that one is
    kExpired,  // no pair consents any longer
  };
  // If the selected pair has not been checked for a third of `timeout`, egress moves to one that has.
  Verdict evaluate(const net::Address& remote, const net::Address& local, Instant now,
                   Duration timeout) const {
    if (pairs_.empty()) return Verdict::kKeep;
    const Instant last = lastOf(remote, local).value_or(Instant{});
    if (now - last < timeout / 3) return Verdict::kKeep;
    if (now - latest().last < timeout / 3) return Verdict::kMove;
    if (now - last < timeout) return Verdict::kKeep;
    return now - latest().last < timeout ? Verdict::kMove : Verdict::kExpired;
  }
  // The time at which the verdict of evaluate() may change, unless a pair is renewed first.
  Instant due(const net::Address& remote, const net::Address& local, Instant now, Duration timeout) const {
    const auto last = lastOf(remote, local);
    const Instant stale = last ? *last + timeout / 3 : now;
    return now < stale ? stale : latest().last + timeout;
  }
  // The pair that consented last. Requires !empty().
  const Pair& latest() const { return *std::ranges::max_element(pairs_, {}, &Pair::last); }
  bool empty() const { return pairs_.empty(); }

  void archive(Archive& a) { a(pairs_); }

 private:
  struct Is {
    const net::Address& remote;
    const net::Address& local;
    bool operator()(const Pair& pair) const { return pair.remote == remote && pair.local == local; }
  };
  // Empty if the pair has not consented.
  std::optional<Instant> lastOf(const net::Address& remote, const net::Address& local) const {
    const auto pair = std::ranges::find_if(pairs_, Is{remote, local});
    return pair == pairs_.end() ? std::nullopt : std::optional(pair->last);
  }

  std::vector<Pair> pairs_;
};

}  // namespace sluice::stun_turn
