#include "filters/stun_turn/relayed_addresses.h"

#include <algorithm>

#include "filters/stun_turn/statistics.h"
#include "source/turn/wire.h"

namespace sluice::stun_turn {

using stun::ErrorCode;

RelayedAddresses::Opened RelayedAddresses::open(const turn::AllocateRequest& wanted,
                                                const TurnSettings& settings, const std::string& account) {
  Opened opened;
  const auto open_one = [&](net::Address::Family family,
                            std::unique_ptr<Relay>& relay) -> std::optional<ErrorCode> {
    const net::Address ip = settings.relayIp(family, context_.session().local());
    if (!ip.isSet()) return ErrorCode::kAddressFamilyNotSupported;
    relay = openRelay(ip, wanted, settings, account, opened.token);
    if (relay == nullptr) return ErrorCode::kInsufficientCapacity;
    return std::nullopt;
  };
  std::optional<ErrorCode> v4, v6;
  if (wanted.v4) v4 = open_one(net::Address::Family::kV4, v4_.relay);
  if (wanted.v6) v6 = open_one(net::Address::Family::kV6, v6_.relay);
  const bool both = wanted.v4 && wanted.v6;
  if (!both || (v4 && v6)) {
    opened.error = std::max(v4, v6);
  } else if (v4 || v6) {  // RFC 8656 section 7.2, check 9: one family is better than none
    opened.missing = Missing{turn::familyOf(!v4), *std::max(v4, v6)};
  }
  return opened;
}

void RelayedAddresses::open(std::unique_ptr<net::UdpReservation> port, const TurnSettings& settings) {
  const bool v6 = port->local().isV6();
  of(v6).relay = openOwn(std::move(port), settings);
}

std::unique_ptr<Relay> RelayedAddresses::openRelay(const net::Address& ip,
                                                   const turn::AllocateRequest& wanted,
                                                   const TurnSettings& settings, const std::string& account,
                                                   std::optional<stun::ReservationToken>& token) {
  const TurnSettings& s = settings;
  const SharedRelays::Range range{ip, s.min_port, s.max_port, s.max_shared_ports, context_.stats().sockets()};
  if (s.shared_ports && !wanted.even) return worker_.sharedRelays().open(range, s.process, user_);
  if (s.shared_when_short) worker_.sharedRelays().prepare(range, s.process);
  std::unique_ptr<net::UdpReservation> next;
  auto port = reservePort(worker_.worker().network(), ip, *s.process, s.min_port, s.max_port, wanted.even,
                          wanted.reserve ? &next : nullptr);
  if (port == nullptr && s.shared_when_short && !wanted.even) {  // a shared port is better than none
    context_.count(Count::kSharedFallbacks);
    return worker_.sharedRelays().open(range, s.process, user_);
  }
  if (port == nullptr) return nullptr;
  if (wanted.reserve) {
    token = s.process->reserve(std::move(next), account, context_.now());
    if (!token) return nullptr;
    worker_.watchReservations(s.process);
  }
  return openOwn(std::move(port), s);
}

std::unique_ptr<Relay> RelayedAddresses::openOwn(std::unique_ptr<net::UdpReservation> port,
                                                 const TurnSettings& settings) {
  return openOwnRelay(worker_.worker(), settings.process, context_.stats().sockets(), std::move(port), user_);
}

void RelayedAddresses::setExpiry(std::optional<stun::AddressFamily> family, Instant until) {
  for (const bool v6 : {false, true}) {
    if (!family || *family == turn::familyOf(v6)) of(v6).until = until;
  }
}

void RelayedAddresses::close() {
  v4_.relay.reset();
  v6_.relay.reset();
}

bool RelayedAddresses::has(stun::AddressFamily family) const {
  return (family == stun::AddressFamily::kIpv4 && find(false) != nullptr) ||
         (family == stun::AddressFamily::kIpv6 && find(true) != nullptr);
}

Relay* RelayedAddresses::liveFor(const net::Address& peer, Instant now) const {
  const RelayedAddress& relayed = of(peer.isV6());
  return now < relayed.until ? relayed.relay.get() : nullptr;
}

Instant RelayedAddresses::latestExpiry() const {
  Instant latest{};
  forEach([&](Relay&, bool v6) { latest = std::max(latest, of(v6).until); });
  return latest;
}

Instant RelayedAddresses::earliestExpiry() const {
  Instant earliest = Instant::max();
  forEach([&](Relay&, bool v6) { earliest = std::min(earliest, of(v6).until); });
  return earliest;
}

void RelayedAddresses::archive(Archive& a, const TurnSettings& settings) {
  for (const bool v6 : {false, true}) {
    RelayedAddress& relayed = of(v6);
    net::Address address = relayed.relay != nullptr ? relayed.relay->address() : net::Address();
    bool shared = relayed.relay != nullptr && relayed.relay->isShared();
    int descriptor = relayed.relay != nullptr ? relayed.relay->descriptor() : -1;
    a(relayed.until, address, shared);
    a.descriptor(descriptor);
    if (a.isReading() && address.isSet()) relayed.relay = adopt(address, descriptor, shared, settings);
  }
}

std::unique_ptr<Relay> RelayedAddresses::adopt(const net::Address& address, int descriptor, bool shared,
                                               const TurnSettings& settings) {
  auto port = worker_.worker().network().adopt(descriptor);
  if (shared) {
    return worker_.sharedRelays().adopt(address, std::move(port), settings.min_port, settings.max_port,
                                        context_.stats().sockets(), settings.process, user_);
  }
  if (port == nullptr) return nullptr;
  return openOwn(std::move(port), settings);
}

}  // namespace sluice::stun_turn
