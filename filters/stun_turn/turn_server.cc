#include "filters/stun_turn/turn_server.h"

#include <algorithm>
#include <limits>

#include "source/turn/wire.h"

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

using stun::ErrorCode;
using NonceVerdict = turn::NonceGenerator::Verdict;

TurnServer::TurnServer(Context context, StunWorker& worker, ResponseLimits& limits,
                       const TurnSettings& settings, std::string_view software)
    : context_(context),
      worker_(worker),
      limits_(limits),
      settings_(&settings),
      responder_(context, software),
      timer_(context.timers(), [this] { onTimer(); }) {}

TurnServer::~TurnServer() {
  if (allocation_) end(Count::kEndedSession);
}

bool TurnServer::isRequest(uint16_t method) {
  return methodCount(method).has_value();
}

void TurnServer::onRequest(const net::Packet& packet, const stun::Message& request) {
  if (allocation_ && !allocation_->isLive()) end(Count::kEndedExpired);
  if (responder_.repeat(packet, request)) return;
  const std::optional<turn::Authentication> auth = authenticate(packet, request);
  if (!auth) return context_.countDrop(Drop::kRateLimited);
  if (auth->error) return responder_.challenge(packet, request, *auth->error, *settings_->auth);
  // The packet for the response is taken before anything changes.
  Exchange exchange{packet, request, *auth, context_.packet()};
  if (exchange.response == nullptr) return context_.countDrop(Drop::kNoPacket);
  // No tunnels, and no TURN through this server's own TURN: packets might loop (sections 21.1.7 and 21.4).
  const PeerAccess peers(context_.session(), worker_, *settings_);
  const bool is_relay = settings_->process->isRelay(peers.toLocal(packet.remote));
  if (is_relay || turn::PeerPolicy::isTunnel(packet.remote)) {
    return responder_.refuse(exchange, ErrorCode::kForbidden);
  }
  handle(exchange);
}

// HMAC checks are expensive, above all with several shared secrets: a source that has used up its responses
// gets no check and no response. A nonce of this server shows that the client receives what is sent to its
// address.
std::optional<turn::Authentication> TurnServer::authenticate(const net::Packet& packet,
                                                             const stun::Message& request) {
  const Instant now = context_.now();
  const NonceVerdict nonce = settings_->auth->verifyNonce(request, packet.remote, now);
  SourceLimiter& limiter = nonce == NonceVerdict::kUnknown ? limits_.challenge : limits_.refusal;
  if (!limiter.wouldAllow(packet.remote, now)) return std::nullopt;
  const std::string_view owner = allocation_ ? std::string_view(allocation_->user()) : std::string_view();
  turn::Authentication auth = settings_->auth->authenticate(request, nonce, owner);
  const bool proven = !auth.error || auth.error == ErrorCode::kStaleNonce;
  if (!proven && !limiter.allow(packet.remote, now)) return std::nullopt;
  return auth;
}

void TurnServer::handle(Exchange& exchange) {
  const stun::Message& request = exchange.request;
  if (const auto unknown = stun::findUnknown(request, false); !unknown.empty()) {
    return responder_.refuseUnknown(exchange, unknown);
  }
  if (request.method == stun::kAllocate) return allocate(exchange);
  if (!allocation_) return responder_.refuse(exchange, ErrorCode::kAllocationMismatch);
  if (exchange.auth.username != allocation_->user()) {
    return responder_.refuse(exchange, ErrorCode::kWrongCredentials);
  }
  switch (request.method) {
    case stun::kRefresh:
      return refresh(exchange);
    case stun::kCreatePermission:
      return conclude(exchange, allocation_->createPermissions(request));
    default:
      return conclude(exchange, bindChannel(request));
  }
}

void TurnServer::conclude(Exchange& exchange, std::optional<ErrorCode> error) {
  if (error) return responder_.refuse(exchange, *error);
  context_.count(*methodCount(exchange.request.method));
  responder_.succeed(exchange, [](stun::Writer&) {});
}

// RFC 8656 section 7.2.
void TurnServer::allocate(Exchange& exchange) {
  if (allocation_) return responder_.refuse(exchange, ErrorCode::kAllocationMismatch);
  turn::AllocateRequest wanted;
  if (const auto error = turn::parseAllocate(exchange.request, wanted)) {
    return responder_.refuse(exchange, *error);
  }
  std::optional<TurnProcess::Reserved> reserved;
  if (wanted.token) {
    reserved = settings_->process->claim(*wanted.token, context_.now());
    if (!reserved) return responder_.refuse(exchange, ErrorCode::kInsufficientCapacity);
    wanted.v6 = reserved->port->local().isV6();
  }
  if (!admit(exchange, wanted)) {  // the token stays valid for another try
    if (reserved) settings_->process->unclaim(*wanted.token, *std::move(reserved));
    return;
  }
  const auto opened = allocation_->open(wanted, reserved ? std::move(reserved->port) : nullptr);
  if (!opened.error) return grantAllocation(exchange, opened);
  allocation_.reset();
  responder_.refuse(exchange, *opened.error);
}

bool TurnServer::admit(Exchange& exchange, const turn::AllocateRequest& wanted) {
  // From IPv4 to IPv6, the DF bit of received packets would have to be known (section 3.7).
  if (wanted.v6 && !exchange.packet.remote.isV6() && exchange.request.dontFragment()) {
    stun::UnknownAttributes unknown;
    unknown.add(stun::kDontFragment);
    responder_.refuseUnknown(exchange, unknown);
    return false;
  }
  const std::string account(settings_->credentials->account(exchange.auth.username));
  const auto admitted =
      settings_->process->admit(account, wanted.reserve ? 2 : 1, settings_->max_allocations_per_user,
                                settings_->max_allocations, context_.now());
  switch (admitted.verdict) {
    case TurnProcess::Admission::kUserQuota:
      responder_.refuse(exchange, ErrorCode::kAllocationQuotaReached);
      return false;
    case TurnProcess::Admission::kTotal:
      refuseForCapacity(exchange);
      return false;
    case TurnProcess::Admission::kOk:
      break;
  }
  allocation_.emplace(context_, worker_, *settings_, exchange.auth.username,
                      QuotaPlace{settings_->process, admitted.account, account}, bytes_);
  return true;
}

void TurnServer::grantAllocation(Exchange& exchange, const RelayedAddresses::Opened& opened) {
  const bool scarce = settings_->isScarce(settings_->process->allocations());
  if (scarce) context_.count(Count::kShortLifetimes);
  const Duration lifetime = settings_->lifetime(exchange.request.lifetime(), scarce);
  allocation_->provision(lifetime);
  onTimer();
  context_.session().authenticate(exchange.packet);
  context_.session().keepAliveUntil(allocation_->expires());
  context_.count(Count::kAllocations);
  context_.count(Count::kLiveAllocations);
  context_.count(Count::kAllocate);
  responder_.succeed(exchange, [&](stun::Writer& writer) {
    allocation_->relayed().forEach([&](const Relay& relay, bool) {
      const net::Address external = settings_->nat->toExternal(relay.address());
      writer.addXorAddress(stun::kXorRelayedAddress, turn::toStun(external));
    });
    if (opened.missing) writer.addAddressError(opened.missing->family, opened.missing->code);
    writer.addU32(stun::kLifetime, turn::inSeconds(lifetime));
    if (opened.token) writer.add(stun::kReservationToken, Bytes(*opened.token));
    writer.addXorAddress(stun::kXorMappedAddress, turn::toStun(exchange.packet.remote));
  });
}

void TurnServer::refuseForCapacity(Exchange& exchange) {
  const bool v6 = exchange.packet.remote.isV6();
  const auto& servers = settings_->alternate_servers;
  const auto is_same = [&](const net::Address& server) { return server.isV6() == v6; };
  if (std::ranges::none_of(servers, is_same)) {
    return responder_.refuse(exchange, ErrorCode::kInsufficientCapacity);
  }
  responder_.refuse(exchange, ErrorCode::kTryAlternate, [&](stun::Writer& writer) {
    const auto add = [&](const net::Address& server) {
      writer.addAddress(stun::kAlternateServer, turn::toStun(server));
    };
    add(*std::ranges::find_if(servers, is_same));  // the client's family first
    for (const net::Address& other : servers) {
      if (!is_same(other)) add(other);
    }
  });
}

// Section 8.2.
void TurnServer::refresh(Exchange& exchange) {
  const stun::Message& request = exchange.request;
  std::optional<stun::AddressFamily> family;  // nothing: all relayed addresses
  if (request.has(stun::kRequestedAddressFamily)) {
    family = request.requestedAddressFamily();
    if (!family) return responder_.refuse(exchange, ErrorCode::kBadRequest);
    if (!allocation_->relayed().has(*family)) {
      return responder_.refuse(exchange, ErrorCode::kPeerAddressFamilyMismatch);
    }
  }
  const auto requested = request.lifetime();
  const bool scarce = settings_->isScarce(settings_->process->allocations());
  const Duration lifetime = requested == 0u ? Duration::zero() : settings_->lifetime(requested, scarce);
  allocation_->refresh(family, lifetime);
  if (!allocation_->isLive()) {
    end(Count::kEndedByClient);
  } else {
    context_.session().keepAliveUntil(allocation_->expires());
    onTimer();
  }
  context_.count(Count::kRefresh);
  responder_.succeed(
      exchange, [&](stun::Writer& writer) { writer.addU32(stun::kLifetime, turn::inSeconds(lifetime)); });
}

std::optional<ErrorCode> TurnServer::bindChannel(const stun::Message& request) {
  const auto wanted = turn::parseChannelBind(request, settings_->last_channel);
  return wanted ? allocation_->bindChannel(*wanted) : ErrorCode::kBadRequest;
}

void TurnServer::onSendIndication(net::PacketPtr&& packet, const stun::Message& indication) {
  if (!allocation_ || !allocation_->isLive()) {
    return context_.drop(std::move(packet), Drop::kNoAllocation);
  }
  allocation_->data().onSendIndication(std::move(packet), indication);
}

void TurnServer::onChannelData(net::PacketPtr&& packet) {
  if (!allocation_ || !allocation_->isLive()) {
    return context_.drop(std::move(packet), Drop::kNoAllocation);
  }
  allocation_->data().onChannelData(std::move(packet));
}

void TurnServer::onTimer() {
  if (!allocation_->isLive()) return end(Count::kEndedExpired);
  timer_.armAt(allocation_->expire());
}

void TurnServer::end(Count reason) {
  timer_.cancel();
  allocation_.reset();
  context_.count(reason);
  context_.count(Count::kLiveAllocations, ~uint64_t{0});  // -1
  context_.session().keepAliveUntil(context_.now());
  context_.session().unauthenticate();
}

void TurnServer::reload(const TurnSettings& settings, std::string_view software) {
  settings_ = &settings;
  responder_.setSoftware(software);
  if (allocation_) allocation_->reload(settings);
}

bool TurnServer::archive(Archive& a) {
  responder_.archive(a);
  bool has_allocation = allocation_.has_value();
  std::string user = has_allocation ? allocation_->user() : "";
  std::string account = has_allocation ? allocation_->account() : "";
  a(has_allocation, user, account, bytes_.to_peers, bytes_.from_peers);
  if (!has_allocation) return true;
  if (a.isReading()) {
    // It was admitted before; limits apply to new allocations.
    constexpr size_t kAny = std::numeric_limits<size_t>::max();
    const auto admitted = settings_->process->admit(account, 1, kAny, kAny, context_.now());
    allocation_.emplace(context_, worker_, *settings_, user,
                        QuotaPlace{settings_->process, admitted.account, account}, bytes_);
    context_.count(Count::kLiveAllocations);
  }
  if (!allocation_->archive(a)) return false;
  if (a.isReading()) onTimer();
  return true;
}

void TurnServer::describe(chain::Description& out) const {
  if (allocation_) allocation_->describe(out);
}

}  // namespace sluice::stun_turn
