// Allocate requests (RFC 8656 section 7.2).
#include <algorithm>

#include "filters/stun_turn/attributes.h"
#include "filters/stun_turn/turn.h"
#include "filters/stun_turn/turn_wire.h"

namespace sluice::stun_turn {

// The checks of section 7.2, in its order.
unsigned Turn::readAllocateRequest(const stun::Message& request, AllocateRequest& wanted) const {
  const auto transport = request.find(stun::kRequestedTransport);
  if (!transport || transport->size() != 4) return 400;
  if ((*transport)[0] != kUdp) return 442;
  const auto even = request.find(stun::kEvenPort);
  const auto requested = request.find(stun::kRequestedAddressFamily);
  const auto additional = request.find(stun::kAdditionalAddressFamily);
  if (const auto token = request.find(stun::kReservationToken)) {
    if (even || requested || additional || token->size() != wanted.token.emplace().size()) return 400;
    std::copy(token->begin(), token->end(), wanted.token->begin());
    return 0;
  }
  if (requested && additional) return 400;
  wanted.v4 = true;
  if (requested) {
    const auto family = familyOf(*requested);
    if (!family) return 400;
    if (*family != kIpv4 && *family != kIpv6) return 440;
    wanted.v4 = *family == kIpv4;
    wanted.v6 = *family == kIpv6;
  }
  if (even) {
    if (even->size() != 1) return 400;
    wanted.even = true;
    wanted.reserve = ((*even)[0] & 0x80) != 0;
    if (wanted.reserve && additional) return 400;
  }
  if (additional) {
    if (familyOf(*additional) != kIpv6) return 400;
    wanted.v6 = true;
  }
  return 0;
}

bool Turn::admit(Exchange& exchange, const AllocateRequest& wanted) {
  // From IPv4 to IPv6, the DF bit of received packets would have to be known (section 3.7).
  if (wanted.v6 && !exchange.packet.remote.isV6() && exchange.request.has(stun::kDontFragment)) {
    UnknownAttributes unknown;
    unknown.types[unknown.count++] = stun::kDontFragment;
    refuseUnknown(exchange, unknown);
    return false;
  }
  const std::string account(settings_->credentials->account(exchange.auth.username));
  const auto admitted =
      settings_->process->admit(account, wanted.reserve ? 2 : 1, settings_->max_allocations_per_user,
                                settings_->max_allocations, context_.now());
  if (admitted.verdict == TurnProcess::Admission::kUserQuota) refuse(exchange, 486);
  if (admitted.verdict == TurnProcess::Admission::kTotal) refuseForCapacity(exchange);
  if (admitted.verdict != TurnProcess::Admission::kOk) return false;
  process_ = settings_->process;
  account_ = admitted.account;
  account_name_ = account;
  allocation_.emplace(exchange.auth.username, settings_->max_peers_per_allocation);
  return true;
}

void Turn::allocate(Exchange& exchange) {
  if (allocation_) return refuse(exchange, 437);
  AllocateRequest wanted;
  if (const unsigned code = readAllocateRequest(exchange.request, wanted)) return refuse(exchange, code);
  if (wanted.token) {
    wanted.reserved = settings_->process->claim(*wanted.token, context_.now());
    if (!wanted.reserved) return refuse(exchange, 508);
    wanted.v6 = wanted.reserved->port->local().isV6();
  }
  if (!admit(exchange, wanted)) {  // the token stays valid for another try
    if (wanted.reserved) settings_->process->unclaim(*wanted.token, *std::move(wanted.reserved));
    return;
  }

  std::optional<ReservationToken> reserved;
  const Opened opened = openRelays(wanted, reserved);
  if (wanted.reserve && !reserved) process_->release(account_name_, context_.now());
  if (opened.error != 0) {
    abandon();
    return refuse(exchange, opened.error);
  }
  const bool scarce = settings_->isScarce(process_->allocations());
  if (scarce) context_.count(Count::kShortLifetimes);
  const Duration lifetime = settings_->lifetime(exchange.request.findU32(stun::kLifetime), scarce);
  v4_.until = v6_.until = context_.now() + lifetime;
  allocation_->provision(context_.now(), lifetime);
  onTimer();
  context_.session().authenticate(exchange.packet);
  context_.session().keepAliveUntil(allocation_->expires());
  context_.count(Count::kAllocations);
  context_.count(Count::kLiveAllocations);
  context_.count(Count::kAllocate);
  answer(exchange, stun::Class::kSuccess, [&](stun::Writer& writer) {
    for (const RelayedAddress* relayed : {&v4_, &v6_}) {
      if (relayed->relay == nullptr) continue;
      const net::Address external = settings_->nat->toExternal(relayed->relay->address());
      writer.addXorAddress(stun::kXorRelayedAddress, toStun(external));
    }
    if (opened.missing_code != 0) {
      writer.addAddressError(opened.missing_family, opened.missing_code, reasonOf(opened.missing_code));
    }
    writer.addU32(stun::kLifetime, inSeconds(lifetime));
    if (reserved) writer.add(stun::kReservationToken, Bytes(*reserved));
    writer.addXorAddress(stun::kXorMappedAddress, toStun(exchange.packet.remote));
  });
}

void Turn::refuseForCapacity(Exchange& exchange) {
  const bool v6 = exchange.packet.remote.isV6();
  const auto& servers = settings_->alternate_servers;
  const auto same =
      std::find_if(servers.begin(), servers.end(), [&](const auto& s) { return s.isV6() == v6; });
  if (same == servers.end()) return refuse(exchange, 508);
  context_.count(Count::kRefused300);
  answer(exchange, stun::Class::kError, [&](stun::Writer& writer) {
    writer.addError(300, reasonOf(300));
    writer.addAddress(stun::kAlternateServer, toStun(*same));  // the client's family first
    for (const net::Address& other : servers) {
      if (other.isV6() != v6) writer.addAddress(stun::kAlternateServer, toStun(other));
    }
  });
}

Turn::Opened Turn::openRelays(AllocateRequest& wanted, std::optional<ReservationToken>& reserved) {
  Opened opened;
  if (wanted.reserved) {
    relayedAddress(wanted.v6).relay =
        openOwnRelay(worker_.worker(), settings_->process, *context_.stats().sockets,
                     std::move(wanted.reserved->port), *this);
    return opened;
  }
  const auto open = [&](net::Address::Family family, std::unique_ptr<Relay>& relay) -> unsigned {
    const net::Address ip = settings_->relayIp(family, context_.session().local());
    if (!ip.isSet()) return 440;
    relay = openRelay(ip, wanted, reserved);
    return relay == nullptr ? 508 : 0;
  };
  const unsigned v4 = wanted.v4 ? open(net::Address::Family::kV4, v4_.relay) : 0;
  const unsigned v6 = wanted.v6 ? open(net::Address::Family::kV6, v6_.relay) : 0;
  const bool both = wanted.v4 && wanted.v6;
  if (!both || (v4 != 0 && v6 != 0)) {
    opened.error = std::max(v4, v6);
  } else if (v4 != 0 || v6 != 0) {  // section 7.2, check 9: one family is better than none
    opened.missing_family = v4 != 0 ? kIpv4 : kIpv6;
    opened.missing_code = std::max(v4, v6);
  }
  return opened;
}

std::unique_ptr<Relay> Turn::openRelay(const net::Address& ip, const AllocateRequest& wanted,
                                       std::optional<ReservationToken>& reserved) {
  const TurnSettings& s = *settings_;
  const SharedRelays::Range range{ip, s.min_port, s.max_port, s.max_shared_ports, *context_.stats().sockets};
  if (s.shared_ports && !wanted.even) return worker_.sharedRelays().open(range, s.process, *this);
  if (s.shared_when_short) worker_.sharedRelays().prepare(range, s.process);
  std::unique_ptr<net::UdpReservation> next;
  auto port = reservePort(worker_.worker().network(), ip, *s.process, s.min_port, s.max_port, wanted.even,
                          wanted.reserve ? &next : nullptr);
  if (port == nullptr && s.shared_when_short && !wanted.even) {  // a shared port is better than none
    context_.count(Count::kSharedFallbacks);
    return worker_.sharedRelays().open(range, s.process, *this);
  }
  if (port == nullptr) return nullptr;
  if (wanted.reserve) {
    reserved = s.process->reserve(std::move(next), account_name_, context_.now());
    if (!reserved) return nullptr;
    worker_.watchReservations(s.process);
  }
  return openOwnRelay(worker_.worker(), s.process, *context_.stats().sockets, std::move(port), *this);
}

}  // namespace sluice::stun_turn
