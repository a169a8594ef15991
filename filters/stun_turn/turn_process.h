// State shared by all TURN clients of the process: quotas, relayed addresses, reservations and the nonce key.
// Any thread may use it. Locks are for the control path; a packet touches at most the atomics of an Account.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "filters/stun_turn/relay_table.h"
#include "source/base/shared_bucket.h"
#include "source/codec/stun.h"
#include "source/net/udp.h"
#include "source/turn/nonce.h"

namespace sluice::stun_turn {

// One user, for the quotas.
struct Account {
  size_t allocations = 0;  // and reservations; guarded by TurnProcess
  SharedBucket bandwidth;
};

class TurnProcess {
 public:
  static constexpr Duration kReservationTime = 30s;  // RFC 8656 section 7.2
  static constexpr size_t kMaxReservations = 1024;

  enum class Admission { kOk, kUserQuota, kTotal };
  struct Admitted {
    Admission verdict;
    std::shared_ptr<Account> account;
  };
  // Takes `places` places in the quotas, or none.
  Admitted admit(const std::string& user, size_t places, size_t max_of_user, size_t max_total, Instant now);
  // Returns one place.
  void release(const std::string& user, Instant now);
  // For a handover: archives the nonce key, so that nonces stay valid. Allocations are handed over with their
  // sessions; ports that are only reserved are not.
  static constexpr std::string_view kStateName = "turn";
  void archive(Archive& a) { a(*nonces_); }

  // The number of places taken.
  size_t allocations() const { return total_.load(std::memory_order_relaxed); }

  RelayTable& relays() { return relays_; }
  bool isRelay(const net::Address& address) const { return relays_.has(address); }

  // Takes over one place of the user. nullopt if there are too many reservations.
  std::optional<stun::ReservationToken> reserve(std::unique_ptr<net::UdpReservation> port,
                                                const std::string& user, Instant now);
  struct Reserved {
    std::unique_ptr<net::UdpReservation> port;
    std::string user;
    Instant until;
  };
  // Returns the place to the quotas. nullopt if the token is unknown or too old.
  std::optional<Reserved> claim(const stun::ReservationToken& token, Instant now);
  // Undoes a claim that could not be used.
  void unclaim(const stun::ReservationToken& token, Reserved reserved);
  void expireReservations(Instant now);
  size_t reservations() const;
  // Users with allocations, or with a bandwidth bucket that is not full again yet.
  size_t accounts() const;

  std::shared_ptr<const turn::NonceGenerator> nonces() const { return nonces_; }
  SharedBucket& bandwidth() { return bandwidth_; }

 private:
  // Call these with mutex_ held.
  void forgetIdle(Instant now);
  void giveBack(const std::string& user, Instant now);
  void dropExpired(Instant now);

  const std::shared_ptr<turn::NonceGenerator> nonces_ = std::make_shared<turn::NonceGenerator>();
  SharedBucket bandwidth_;
  RelayTable relays_;
  std::atomic<size_t> total_{0};
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Account>> accounts_;  // guarded by mutex_, as all below
  std::multimap<Instant, std::string> idle_;  // users without allocations, until their buckets are full
  std::map<stun::ReservationToken, Reserved> reservations_;
};

// A place in the quotas that admit() took. Its holder returns it with release().
struct QuotaPlace {
  std::shared_ptr<TurnProcess> process;
  std::shared_ptr<Account> account;
  std::string user;  // the account's name
};

}  // namespace sluice::stun_turn
