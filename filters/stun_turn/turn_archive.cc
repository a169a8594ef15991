// Hands a TURN client over to another process: the allocation, and the sockets of its relayed addresses.
#include <limits>

#include "filters/stun_turn/turn.h"

namespace sluice::stun_turn {

bool Turn::archive(Archive& a) {
  bool has_allocation = allocation_.has_value();
  std::string user = has_allocation ? allocation_->user() : "";
  a(transactions_, has_allocation, user, account_name_, bytes_to_peers_, bytes_from_peers_);
  if (!has_allocation) return true;
  if (a.isReading()) {
    // It was admitted before; limits apply to new allocations.
    constexpr size_t kAny = std::numeric_limits<size_t>::max();
    process_ = settings_->process;
    account_ = process_->admit(account_name_, 1, kAny, kAny, context_.now()).account;
    allocation_.emplace(user, settings_->max_peers_per_allocation);
    context_.count(Count::kLiveAllocations);
  }
  a(*allocation_);
  archiveRelayedAddress(a, v4_);
  archiveRelayedAddress(a, v6_);
  if (!a.isReading()) return true;
  if (v4_.relay == nullptr && v6_.relay == nullptr) return false;
  for (const RelayedAddress* relayed : {&v4_, &v6_}) {
    if (relayed->relay == nullptr) continue;
    const bool v6 = relayed == &v6_;
    allocation_->forEachChannel([&](uint16_t, const net::Address& peer, Instant) {
      if (peer.isV6() == v6) relayed->relay->claim(peer);
    });
    allocation_->forEachPermission([&](const net::Address& ip, Instant) {
      if (ip.isV6() == v6) relayed->relay->expect(ip);
    });
  }
  onTimer();
  return true;
}

void Turn::archiveRelayedAddress(Archive& a, RelayedAddress& relayed) {
  net::Address address = relayed.relay != nullptr ? relayed.relay->address() : net::Address();
  bool shared = relayed.relay != nullptr && relayed.relay->isShared();
  int descriptor = relayed.relay != nullptr ? relayed.relay->descriptor() : -1;
  a(relayed.until, address, shared);
  a.descriptor(descriptor);
  if (a.isReading() && address.isSet()) relayed.relay = adoptRelay(address, descriptor, shared);
}

std::unique_ptr<Relay> Turn::adoptRelay(const net::Address& address, int descriptor, bool shared) {
  const TurnSettings& s = *settings_;
  auto port = worker_.worker().network().adopt(descriptor);
  if (shared) {
    return worker_.sharedRelays().adopt(address, std::move(port), s.min_port, s.max_port,
                                        *context_.stats().sockets, s.process, *this);
  }
  if (port == nullptr) return nullptr;
  return openOwnRelay(worker_.worker(), s.process, *context_.stats().sockets, std::move(port), *this);
}

}  // namespace sluice::stun_turn
