#include "filters/stun_turn/turn_process.h"

#include <cassert>

#include "source/base/random.h"

namespace sluice::stun_turn {

TurnProcess::Admitted TurnProcess::admit(const std::string& user, size_t places, size_t max_of_user,
                                         size_t max_total, Instant now) {
  const std::lock_guard lock(mutex_);
  dropExpired(now);
  forgetIdle(now);
  const size_t total = allocations();
  if (total + places > max_total) return {Admission::kTotal, nullptr};
  const auto known = accounts_.find(user);
  const size_t taken = known == accounts_.end() ? 0 : known->second->allocations;
  if (taken + places > max_of_user) return {Admission::kUserQuota, nullptr};
  auto& account = accounts_[user];
  if (account == nullptr) account = std::make_shared<Account>();
  account->allocations += places;
  total_.store(total + places, std::memory_order_relaxed);
  return {Admission::kOk, account};
}

void TurnProcess::release(const std::string& user, Instant now) {
  const std::lock_guard lock(mutex_);
  giveBack(user, now);
}

void TurnProcess::giveBack(const std::string& user, Instant now) {
  const auto account = accounts_.find(user);
  assert(account != accounts_.end());
  // A user that returns at once finds the bucket in the state in which it was left.
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

std::optional<stun::ReservationToken> TurnProcess::reserve(std::unique_ptr<net::UdpReservation> port,
                                                           const std::string& user, Instant now) {
  const std::lock_guard lock(mutex_);
  dropExpired(now);
  if (reservations_.size() >= kMaxReservations) return std::nullopt;
  stun::ReservationToken token;
  fillRandom(token);
  reservations_[token] = {std::move(port), user, now + kReservationTime};
  return token;
}

std::optional<TurnProcess::Reserved> TurnProcess::claim(const stun::ReservationToken& token, Instant now) {
  const std::lock_guard lock(mutex_);
  dropExpired(now);
  const auto it = reservations_.find(token);
  if (it == reservations_.end()) return std::nullopt;
  Reserved found = std::move(it->second);
  reservations_.erase(it);
  giveBack(found.user, now);
  return found;
}

void TurnProcess::unclaim(const stun::ReservationToken& token, Reserved reserved) {
  const std::lock_guard lock(mutex_);
  auto& account = accounts_[reserved.user];
  if (account == nullptr) account = std::make_shared<Account>();
  ++account->allocations;
  total_.fetch_add(1, std::memory_order_relaxed);
  reservations_[token] = std::move(reserved);
}

void TurnProcess::expireReservations(Instant now) {
  const std::lock_guard lock(mutex_);
  dropExpired(now);
}

size_t TurnProcess::reservations() const {
  const std::lock_guard lock(mutex_);
  return reservations_.size();
}

size_t TurnProcess::accounts() const {
  const std::lock_guard lock(mutex_);
  return accounts_.size();
}

void TurnProcess::dropExpired(Instant now) {
  for (auto it = reservations_.begin(); it != reservations_.end();) {
    if (now < it->second.until) {
      ++it;
      continue;
    }
    giveBack(it->second.user, now);
    it = reservations_.erase(it);
  }
}

}  // namespace sluice::stun_turn
