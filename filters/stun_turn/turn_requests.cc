// TURN's requests (RFC 8656 sections 5, 8, 10 and 12); Allocate has its own file.
#include "filters/stun_turn/attributes.h"
#include "filters/stun_turn/turn.h"
#include "filters/stun_turn/turn_wire.h"
#include "source/crypto/hmac.h"

namespace sluice::stun_turn {
namespace {

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
  // The packet for the response is taken before anything changes.
  Exchange exchange{packet, request, auth, context_.packet()};
  if (exchange.response == nullptr) return context_.countDrop(Drop::kNoPacket);
  // No tunnels, and no TURN through this server's own TURN: packets might loop (sections 21.1.7 and 21.4).
  const bool is_relay = settings_->process->isRelay(toLocal(packet.remote));
  if (is_relay || PeerPolicy::isTunnel(packet.remote)) return refuse(exchange, 403);
  handle(exchange);
}

net::Address Turn::toLocal(const net::Address& external) const {
  return settings_->nat->toLocal(external, [this](const net::Address& local) {
    return settings_->process->isRelay(local) || worker_.worker().hairpin().has(local);
  });
}

// HMAC checks are expensive, above all with several shared secrets: a source that has used up its responses
// gets no check and no response. A nonce of this server shows that the client receives what is sent to its
// address.
std::optional<Authentication> Turn::authenticate(const net::Packet& packet, const stun::Message& request) {
  const Instant now = context_.now();
  const auto nonce = settings_->auth->judge(request, packet.remote, now);
  SourceLimiter& limiter = nonce == NonceGenerator::Verdict::kForeign ? limits_.challenge : limits_.refusal;
  if (!limiter.wouldAllow(packet.remote, now)) return std::nullopt;
  const std::string_view owner = allocation_ ? std::string_view(allocation_->user()) : std::string_view();
  Authentication auth = settings_->auth->authenticate(request, nonce, owner);
  const bool proven = auth.error == 0 || auth.error == 438;
  if (!proven && !limiter.allow(packet.remote, now)) return std::nullopt;
  return auth;
}

// The challenge is less than three times the request's size.
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

void Turn::answer(Exchange& exchange, stun::Class kind, const Fill& fill) {
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

void Turn::refresh(Exchange& exchange) {
  std::optional<uint8_t> family;  // none: all relayed addresses
  if (const auto requested = exchange.request.find(stun::kRequestedAddressFamily)) {
    family = familyOf(*requested);
    if (!family) return refuse(exchange, 400);
    const bool known = family == kIpv4 || family == kIpv6;
    if (!known || relayedAddress(family == kIpv6).relay == nullptr) return refuse(exchange, 443);
  }
  const auto requested = exchange.request.findU32(stun::kLifetime);
  const bool scarce = settings_->isScarce(settings_->process->allocations());
  const Duration lifetime = requested == 0u ? Duration::zero() : settings_->lifetime(requested, scarce);
  for (const bool v6 : {false, true}) {
    if (relayedAddress(v6).relay != nullptr && (!family || (*family == kIpv6) == v6))
      relayedAddress(v6).until = context_.now() + lifetime;
  }
  allocation_->refresh(context_.now(), latestExpiry() - context_.now());
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
  const net::Hairpin& hairpin = worker_.worker().hairpin();
  const void* listener = hairpin.groupOf(context_.session().local());
  const bool own_listener = listener != nullptr && hairpin.groupOf(peer) == listener;
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
