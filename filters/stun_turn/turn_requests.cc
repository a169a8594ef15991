// TURN's requests (RFC 8656 sections 5, 7, 8, 10 and 12).
#include <algorithm>

#include "filters/stun_turn/attributes.h"
#include "filters/stun_turn/turn.h"
#include "source/crypto/hmac.h"

namespace sluice::stun_turn {
namespace {

constexpr uint8_t kUdp = 17;
constexpr uint8_t kIpv4 = 1, kIpv6 = 2;  // address families on the wire

std::string_view reasonOf(unsigned code) {
  switch (code) {
    case 300:
      return "Try Alternate";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 420:
      return "Unknown Attribute";
    case 437:
      return "Allocation Mismatch";
    case 440:
      return "Address Family not Supported";
    case 441:
      return "Wrong Credentials";
    case 442:
      return "Unsupported Transport Protocol";
    case 443:
      return "Peer Address Family Mismatch";
    case 486:
      return "Allocation Quota Reached";
    default:
      return "Insufficient Capacity";
  }
}

std::optional<Count> methodCount(uint16_t method) {
  switch (method) {
    case stun::kAllocate:
      return Count::kAllocate;
    case stun::kRefresh:
      return Count::kRefresh;
    case stun::kCreatePermission:
      return Count::kCreatePermission;
    case stun::kChannelBind:
      return Count::kChannelBind;
    default:
      return std::nullopt;
  }
}

// The family of REQUESTED- or ADDITIONAL-ADDRESS-FAMILY; nothing when the attribute is malformed.
std::optional<uint8_t> familyOf(Bytes value) {
  if (value.size() != 4) return std::nullopt;
  return value[0];
}

uint32_t inSeconds(Duration duration) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace

bool Turn::isRequest(uint16_t method) {
  return methodCount(method).has_value();
}

void Turn::onRequest(const net::Packet& packet, const stun::Message& request) {
  const Instant now = context_.now();
  if (allocation_ && !allocation_->isLive(now)) end(Count::kEndedExpired);
  if (const auto* known = transactions_.find(request, now)) {
    context_.count(Count::kRepeated);
    net::PacketPtr repeated = context_.packet();
    if (repeated == nullptr) return context_.countDrop(Drop::kNoPacket);
    repeated->assign(*known);
    return send(std::move(repeated), packet);
  }
  const std::optional<Authentication> known = authenticate(packet, request);
  if (!known) return context_.countDrop(Drop::kRateLimited);
  const Authentication& auth = *known;
  if (auth.error != 0) return challenge(packet, request, auth.error);
  // The answer has its place before anything changes.
  Exchange exchange{packet, request, auth, context_.packet()};
  if (exchange.response == nullptr) return context_.countDrop(Drop::kNoPacket);
  // No tunnels, and no TURN through our own TURN: packets might go round (sections 21.1.7 and 21.4).
  const bool is_relay = settings_->process->isRelay(toLocal(packet.remote));
  if (is_relay || PeerPolicy::isTunnel(packet.remote)) return refuse(exchange, 403);
  if (!context_.session().authenticate(packet)) {
    return context_.drop(std::move(exchange.response), Drop::kTooManyAddresses);
  }
  handle(exchange);
}

net::Address Turn::toLocal(const net::Address& external) const {
  return settings_->nat->toLocal(external, [this](const net::Address& local) {
    return settings_->process->isRelay(local) || worker_.worker().inside().has(local);
  });
}

// Trying secrets is work: it is not done for who shows no nonce of ours and has had its answers. Proof costs
// nothing.
std::optional<Authentication> Turn::authenticate(const net::Packet& packet, const stun::Message& request) {
  const Instant now = context_.now();
  const auto nonce = settings_->auth->judge(request, packet.remote, now);
  const bool stranger = nonce == NonceMint::Verdict::kForeign;
  if (stranger && !limiter_.wouldAllow(packet.remote, now)) return std::nullopt;
  const std::string_view owner = allocation_ ? std::string_view(allocation_->user()) : std::string_view();
  Authentication auth = settings_->auth->authenticate(request, nonce, owner);
  const bool proven = auth.error == 0 || auth.error == 438;
  if (!proven && !limiter_.allow(packet.remote, now)) return std::nullopt;
  return auth;
}

// Less than three times the request.
void Turn::challenge(const net::Packet& packet, const stun::Message& request, unsigned code) {
  net::PacketPtr response = context_.packet();
  if (response == nullptr) return context_.countDrop(Drop::kNoPacket);
  response->resize(net::Packet::kMaxPayload);
  stun::Writer writer(response->data(), request.method, stun::Class::kError, request.id);
  const size_t fingerprint = request.has(stun::kFingerprint) ? 8 : 0;
  const size_t limit = 3 * request.bytes.size();
  if (code == 400) {
    writer.addError(400, reasonOf(400));
  } else {
    settings_->auth->challenge(writer, code, packet.remote, context_.now(), limit - fingerprint);
  }
  if (fingerprint > 0) writer.addFingerprint();
  const auto size = writer.finish();
  response->resize(size.value_or(0));
  if (!size || *size >= limit) return context_.drop(std::move(response), Drop::kAnswerTooLong);
  context_.count(refusalOf(code));
  send(std::move(response), packet);
}

void Turn::handle(Exchange& exchange) {
  const stun::Message& request = exchange.request;
  if (const auto unknown = findUnknown(request, false); unknown.count > 0) {
    return refuseUnknown(exchange, unknown);
  }
  if (request.method == stun::kAllocate) return allocate(exchange);
  if (!allocation_) return refuse(exchange, 437);
  if (exchange.auth.username != allocation_->user()) return refuse(exchange, 441);
  switch (request.method) {
    case stun::kRefresh:
      return refresh(exchange);
    case stun::kCreatePermission:
      return createPermission(exchange);
    default:
      return channelBind(exchange);
  }
}

template <typename Fill>
void Turn::answer(Exchange& exchange, stun::Class kind, Fill fill) {
  const stun::Message& request = exchange.request;
  net::PacketPtr response = std::move(exchange.response);
  response->resize(net::Packet::kMaxPayload);
  stun::Writer writer(response->data(), request.method, kind, request.id);
  fill(writer);
  const bool names_software = request.method == stun::kAllocate || request.method == stun::kRefresh;
  if (names_software && !software_.empty()) writer.add(stun::kSoftware, software_);
  if (exchange.auth.sha256) {
    writer.addIntegritySha256(exchange.auth.key, crypto::hmacSha256);
  } else {
    writer.addIntegrity(exchange.auth.key, crypto::hmacSha1);
  }
  if (request.has(stun::kFingerprint)) writer.addFingerprint();
  response->resize(*writer.finish());
  transactions_.add(request, response->data(), context_.now());
  send(std::move(response), exchange.packet);
}

void Turn::refuse(Exchange& exchange, unsigned code) {
  context_.count(refusalOf(code));
  answer(exchange, stun::Class::kError, [&](stun::Writer& writer) { writer.addError(code, reasonOf(code)); });
}

void Turn::refuseUnknown(Exchange& exchange, const UnknownAttributes& unknown) {
  context_.count(Count::kRefused420);
  answer(exchange, stun::Class::kError, [&](stun::Writer& writer) {
    writer.addError(420, reasonOf(420));
    unknown.addTo(writer);
  });
}

void Turn::grant(Exchange& exchange) {
  context_.count(*methodCount(exchange.request.method));
  answer(exchange, stun::Class::kSuccess, [](stun::Writer&) {});
}

// The checks of section 7.2, in its order.
unsigned Turn::readWish(const stun::Message& request, Wish& wish) const {
  const auto transport = request.find(stun::kRequestedTransport);
  if (!transport || transport->size() != 4) return 400;
  if ((*transport)[0] != kUdp) return 442;
  const auto even = request.find(stun::kEvenPort);
  const auto requested = request.find(stun::kRequestedAddressFamily);
  const auto additional = request.find(stun::kAdditionalAddressFamily);
  if (const auto token = request.find(stun::kReservationToken)) {
    if (even || requested || additional || token->size() != wish.token.emplace().size()) return 400;
    std::copy(token->begin(), token->end(), wish.token->begin());
    return 0;
  }
  if (requested && additional) return 400;
  wish.v4 = true;
  if (requested) {
    const auto family = familyOf(*requested);
    if (!family) return 400;
    if (*family != kIpv4 && *family != kIpv6) return 440;
    wish.v4 = *family == kIpv4;
    wish.v6 = *family == kIpv6;
  }
  if (even) {
    if (even->size() != 1) return 400;
    wish.even = true;
    wish.reserve = ((*even)[0] & 0x80) != 0;
    if (wish.reserve && additional) return 400;
  }
  if (additional) {
    if (familyOf(*additional) != kIpv6) return 400;
    wish.v6 = true;
  }
  return 0;
}

bool Turn::admit(Exchange& exchange, const Wish& wish) {
  // From IPv4 to IPv6 the DF bit of what comes in would have to be seen (section 3.7).
  if (wish.v6 && !exchange.packet.remote.isV6() && exchange.request.has(stun::kDontFragment)) {
    UnknownAttributes unknown;
    unknown.types[unknown.count++] = stun::kDontFragment;
    refuseUnknown(exchange, unknown);
    return false;
  }
  const std::string account(settings_->credentials->account(exchange.auth.username));
  const auto admitted =
      settings_->process->admit(account, wish.reserve ? 2 : 1, settings_->max_allocations_per_user,
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
  Wish wish;
  if (const unsigned code = readWish(exchange.request, wish)) return refuse(exchange, code);
  if (wish.token) {
    wish.reserved = settings_->process->claim(*wish.token, context_.now());
    if (!wish.reserved) return refuse(exchange, 508);
    wish.v6 = wish.reserved->port->local().isV6();
  }
  if (!admit(exchange, wish)) {  // the token is good for another try
    if (wish.reserved) settings_->process->unclaim(*wish.token, *std::move(wish.reserved));
    return;
  }

  std::optional<ReservationToken> reserved;
  const Opened opened = openRelays(wish, reserved);
  if (wish.reserve && !reserved) process_->release(account_name_, context_.now());
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
  context_.session().keepAliveUntil(allocation_->expires());
  context_.count(Count::kAllocations);
  context_.count(Count::kLiveAllocations);
  context_.count(Count::kAllocate);
  answer(exchange, stun::Class::kSuccess, [&](stun::Writer& writer) {
    for (const Way* way : {&v4_, &v6_}) {
      if (way->relay == nullptr) continue;
      const net::Address external = settings_->nat->toExternal(way->relay->address());
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

Turn::Opened Turn::openRelays(Wish& wish, std::optional<ReservationToken>& reserved) {
  Opened opened;
  if (wish.reserved) {
    way(wish.v6).relay = openOwnRelay(worker_.worker(), settings_->process, worker_.relayStats(),
                                      std::move(wish.reserved->port), *this);
    return opened;
  }
  const auto open = [&](net::Address::Family family, std::unique_ptr<Relay>& relay) -> unsigned {
    const net::Address ip = settings_->relayIp(family, context_.session().local());
    if (!ip.isSet()) return 440;
    relay = openRelay(ip, wish, reserved);
    return relay == nullptr ? 508 : 0;
  };
  const unsigned v4 = wish.v4 ? open(net::Address::Family::kV4, v4_.relay) : 0;
  const unsigned v6 = wish.v6 ? open(net::Address::Family::kV6, v6_.relay) : 0;
  const bool both = wish.v4 && wish.v6;
  if (!both || (v4 != 0 && v6 != 0)) {
    opened.error = std::max(v4, v6);
  } else if (v4 != 0 || v6 != 0) {  // section 7.2, check 9: half is better than nothing
    opened.missing_family = v4 != 0 ? kIpv4 : kIpv6;
    opened.missing_code = std::max(v4, v6);
  }
  return opened;
}

std::unique_ptr<Relay> Turn::openRelay(const net::Address& ip, const Wish& wish,
                                       std::optional<ReservationToken>& reserved) {
  const TurnSettings& s = *settings_;
  const SharedRelays::Range range{ip, s.min_port, s.max_port, s.max_shared_ports};
  if (s.shared_ports && !wish.even) return worker_.sharedRelays().open(range, s.process, *this);
  if (s.shared_when_short) worker_.sharedRelays().prepare(range, s.process);
  std::unique_ptr<net::UdpReservation> next;
  auto port = reservePort(worker_.worker().network(), ip, *s.process, s.min_port, s.max_port, wish.even,
                          wish.reserve ? &next : nullptr);
  if (port == nullptr && s.shared_when_short && !wish.even) {  // better than nothing
    context_.count(Count::kSharedFallbacks);
    return worker_.sharedRelays().open(range, s.process, *this);
  }
  if (port == nullptr) return nullptr;
  if (wish.reserve) {
    reserved = s.process->reserve(std::move(next), account_name_, context_.now());
    if (!reserved) return nullptr;
    worker_.watchReservations(s.process);
  }
  return openOwnRelay(worker_.worker(), s.process, worker_.relayStats(), std::move(port), *this);
}

void Turn::refresh(Exchange& exchange) {
  std::optional<uint8_t> family;  // none: all that there are
  if (const auto requested = exchange.request.find(stun::kRequestedAddressFamily)) {
    family = familyOf(*requested);
    const bool known = family == kIpv4 || family == kIpv6;
    if (!known || way(family == kIpv6).relay == nullptr) return refuse(exchange, 443);
  }
  const auto requested = exchange.request.findU32(stun::kLifetime);
  const bool scarce = settings_->isScarce(settings_->process->allocations());
  const Duration lifetime = requested == 0u ? Duration::zero() : settings_->lifetime(requested, scarce);
  for (const bool v6 : {false, true}) {
    if (way(v6).relay != nullptr && (!family || (*family == kIpv6) == v6))
      way(v6).until = context_.now() + lifetime;
  }
  allocation_->refresh(context_.now(), lastUntil() - context_.now());
  if (!allocation_->isLive(context_.now())) {
    end(Count::kEndedByClient);
  } else {
    context_.session().keepAliveUntil(allocation_->expires());
    onTimer();
  }
  context_.count(Count::kRefresh);
  answer(exchange, stun::Class::kSuccess,
         [&](stun::Writer& writer) { writer.addU32(stun::kLifetime, inSeconds(lifetime)); });
}

// Whether the client may talk to this peer: by policy, or because it is a relay or the client's listener.
Turn::Vetted Turn::vet(const net::Address& peer) const {
  if (settings_->peers.permits(peer)) return Vetted::kAnyPort;
  if (peer.port() == 0 || peer.isWildcard()) return Vetted::kDenied;
  if (peer.isLoopback() && !context_.session().local().isLoopback()) return Vetted::kDenied;
  const net::Inside& inside = worker_.worker().inside();
  const void* listener = inside.groupOf(context_.session().local());
  const bool own_listener = listener != nullptr && inside.groupOf(peer) == listener;
  return own_listener || settings_->process->isRelay(peer) ? Vetted::kThisPort : Vetted::kDenied;
}

void Turn::createPermission(Exchange& exchange) {
  const stun::Message& request = exchange.request;
  unsigned error = request.has(stun::kXorPeerAddress) ? 0 : 400;
  Allocation::Peers peers;
  request.forEach([&](uint16_t type, Bytes value) {
    if (type != stun::kXorPeerAddress || error != 0) return;
    const auto decoded = request.decodeXorAddress(value);
    if (!decoded) {
      error = 400;
      return;
    }
    const net::Address peer = toLocal(fromStun(*decoded));
    const Vetted vetted = vet(peer);
    error = relayFor(peer) == nullptr ? 443 : vetted == Vetted::kDenied ? 403 : 0;
    peers.emplace_back(peer, vetted == Vetted::kAnyPort);
  });
  if (error != 0) return refuse(exchange, error);
  if (!allocation_->canPermit(peers, context_.now())) return refuse(exchange, 508);  // all or none
  for (const auto& [peer, any_port] : peers) {
    allocation_->permit(peer, any_port, context_.now());
    relayFor(peer)->expect(peer);
  }
  grant(exchange);
}

void Turn::channelBind(Exchange& exchange) {
  const stun::Message& request = exchange.request;
  const auto number = request.find(stun::kChannelNumber);
  const auto decoded = request.xorAddress(stun::kXorPeerAddress);
  if (!number || number->size() != 4 || !decoded || decoded->port == 0) return refuse(exchange, 400);
  const uint16_t channel = readU16(number->data());
  if (channel < Allocation::kFirstChannel || channel > settings_->last_channel) return refuse(exchange, 400);
  const net::Address peer = toLocal(fromStun(*decoded));
  Relay* relay = relayFor(peer);
  if (relay == nullptr) return refuse(exchange, 443);
  const Vetted vetted = vet(peer);
  if (vetted == Vetted::kDenied) return refuse(exchange, 403);
  if (!relay->claim(peer)) return refuse(exchange, 508);
  switch (allocation_->bind(channel, peer, vetted == Vetted::kAnyPort, context_.now())) {
    case Allocation::Bind::kInUse:
      return refuse(exchange, 400);
    case Allocation::Bind::kFull:
      return refuse(exchange, 508);
    case Allocation::Bind::kOk:
      break;
  }
  relay->expect(peer);
  grant(exchange);
}

}  // namespace sluice::stun_turn
