// The last checks of a session, by transaction id. A check captured on the wire stays authentic as long as
// the session lives; replayed from another address, it would move the session there. Pure.
#pragma once

#include <algorithm>
#include <vector>

#include "source/base/archive.h"
#include "source/base/bytes.h"
#include "source/base/hash.h"
#include "source/base/random.h"
#include "source/codec/stun.h"
#include "source/net/address.h"

namespace sluice::stun_turn {

class RecentChecks {
 public:
  static constexpr size_t kRemembered = 256;

  enum class Verdict {
    kNew,
    kRepeated,  // the client's own retransmission (RFC 8489 section 6.2.1), or a copy of it; it does not
                // renew consent
    kReplayed,  // it arrived on another address pair
  };
  // Stores a new check.
  Verdict examine(const stun::TransactionId& id, const net::Address& remote, const net::Address& local) {
    const Seen check{hashOf(id), static_cast<uint32_t>(remote.hash(salt_) ^ local.hash(~salt_))};
    const auto seen = std::ranges::find(seen_, check.id, &Seen::id);
    if (seen != seen_.end()) return seen->pair == check.pair ? Verdict::kRepeated : Verdict::kReplayed;
    if (seen_.size() < kRemembered) {
      seen_.push_back(check);
    } else {
      seen_[next_] = check;
      next_ = static_cast<uint32_t>((next_ + 1) % kRemembered);
    }
    return Verdict::kNew;
  }

  void archive(Archive& a) {
    a(salt_, next_, seen_);
    if (seen_.size() > kRemembered || next_ >= kRemembered) a.fail();
  }

 private:
  struct Seen {
    uint32_t id = 0;    // hashed
    uint32_t pair = 0;  // hashed
    void archive(Archive& a) { a(id, pair); }
  };

  uint32_t hashOf(const stun::TransactionId& id) const {
    uint64_t hash = salt_;
    for (size_t at = 0; at < id.size(); at += 4) hash = multiplyAndFold(hash ^ readU32(&id[at]));
    return static_cast<uint32_t>(hash);
  }

  uint64_t salt_ = randomU64();
  uint32_t next_ = 0;  // the oldest, once all are used
  std::vector<Seen> seen_;
};

}  // namespace sluice::stun_turn
