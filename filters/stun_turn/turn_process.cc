#include "filters/stun_turn/turn_process.h"

#include <cassert>

#include "source/base/random.h"

namespace sluice::stun_turn {

TurnProcess::Admitted TurnProcess::admit(const std::string& user, size_t max_of_user, size_t max_total,
                                         Instant now) {
  const std::lock_guard lock(mutex_);
  forgetIdle(now);
  const size_t total = allocations();
  if (total >= max_total) return {Admission::kTotal, nullptr, total};
  const auto known = accounts_.find(user);
  if (known != accounts_.end() && known->second->allocations >= max_of_user) {
    return {Admission::kUserQuota, nullptr, total};
  }
  auto& account = accounts_[user];
  if (account == nullptr) account = std::make_shared<Account>();
  ++account->allocations;
  total_.store(total + 1, std::memory_order_relaxed);
  return {Admission::kOk, account, total + 1};
}

void TurnProcess::release(const std::string& user, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto account = accounts_.find(user);
  assert(account != accounts_.end());
  // A user who comes again at once finds the bucket as it was left.
  if (--account->second->allocations == 0) idle_.emplace(account->second->bandwidth.fullAt(), user);
  total_.fetch_sub(1, std::memory_order_relaxed);
  forgetIdle(now);
}

void TurnProcess::forgetIdle(Instant now) {
  while (!idle_.empty() && idle_.begin()->first <= now) {
    const auto account = accounts_.find(idle_.begin()->second);
    idle_.erase(idle_.begin());
    if (account == accounts_.end() || account->second->allocations > 0) continue;
    const Instant full = account->second->bandwidth.fullAt();
    if (full <= now) {
      accounts_.erase(account);
    } else {
      idle_.emplace(full, account->first);
    }
  }
}

void TurnProcess::addRelay(const net::Address& address) {
  const std::lock_guard lock(mutex_);
  relays_.insert(address);
}

void TurnProcess::removeRelay(const net::Address& address) {
  const std::lock_guard lock(mutex_);
  relays_.erase(address);
}

bool TurnProcess::isRelay(const net::Address& address) const {
  const std::lock_guard lock(mutex_);
  return relays_.contains(address);
}

std::optional<ReservationToken> TurnProcess::reserve(std::unique_ptr<net::UdpReservation> port, Instant now) {
  expireReservations(now);
  const std::lock_guard lock(mutex_);
  if (reservations_.size() >= kMaxReservations) return std::nullopt;
  ReservationToken token;
  fillRandom(token);
  reservations_[token] = {std::move(port), now + kReservationTime};
  return token;
}

std::unique_ptr<net::UdpReservation> TurnProcess::claim(const ReservationToken& token, Instant now) {
  expireReservations(now);
  const std::lock_guard lock(mutex_);
  const auto it = reservations_.find(token);
  if (it == reservations_.end()) return nullptr;
  auto port = std::move(it->second.port);
  reservations_.erase(it);
  return port;
}

void TurnProcess::expireReservations(Instant now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(reservations_, [&](const auto& entry) { return now >= entry.second.until; });
}

}  // namespace sluice::stun_turn
