// What all TURN of the process shares: quotas, which addresses are relays, reservations and the key of
// nonces. For all threads. Locks are for the control path; a packet at most touches the atomics of an
// Account.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "filters/stun_turn/nonce.h"
#include "source/base/shared_bucket.h"
#include "source/net/udp.h"

namespace sluice::stun_turn {

// One user, as quotas see it.
struct Account {
  size_t allocations = 0;  // guarded by TurnProcess
  SharedBucket bandwidth;
};

using ReservationToken = std::array<uint8_t, 8>;

class TurnProcess {
 public:
  static constexpr Duration kReservationTime = 30s;  // RFC 8656 section 7.2
  static constexpr size_t kMaxReservations = 1024;

  enum class Admission { kOk, kUserQuota, kTotal };
  struct Admitted {
    Admission verdict;
    std::shared_ptr<Account> account;
    size_t total;  // allocations now
  };
  Admitted admit(const std::string& user, size_t max_of_user, size_t max_total, Instant now);
  void release(const std::string& user, Instant now);
  size_t allocations() const { return total_.load(std::memory_order_relaxed); }

  void addRelay(const net::Address& address);
  void removeRelay(const net::Address& address);
  bool isRelay(const net::Address& address) const;

  // Nothing when there are too many.
  std::optional<ReservationToken> reserve(std::unique_ptr<net::UdpReservation> port, Instant now);
  // Null when the token is unknown or too old.
  std::unique_ptr<net::UdpReservation> claim(const ReservationToken& token, Instant now);
  void expireReservations(Instant now);

  const std::shared_ptr<const NonceMint>& nonces() const { return nonces_; }
  SharedBucket& bandwidth() { return bandwidth_; }

 private:
  void forgetIdle(Instant now);  // holds mutex_

  struct Reserved {
    std::unique_ptr<net::UdpReservation> port;
    Instant until;
  };

  const std::shared_ptr<const NonceMint> nonces_ = std::make_shared<NonceMint>();
  SharedBucket bandwidth_;
  std::atomic<size_t> total_{0};
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Account>> accounts_;  // guarded by mutex_, as all below
  std::multimap<Instant, std::string> idle_;  // users without allocations, until their buckets are full
  std::unordered_set<net::Address> relays_;
  std::map<ReservationToken, Reserved> reservations_;
};

}  // namespace sluice::stun_turn
