#include "filters/stun_turn/stun_turn.h"

#include <algorithm>

namespace sluice::stun_turn {
namespace {

std::optional<NatDiscovery> readNatDiscovery(const std::string& text,
                                             const std::vector<net::Address>& listener, Errors& errors) {
  const auto other = net::Address::parse(text);
  if (!other.ok()) {
    errors.push_back({"other_address", other.error().message});
    return std::nullopt;
  }
  if (listener.empty()) return std::nullopt;  // which is an error of its own
  const NatDiscovery discovery{listener.front(), *other};
  const net::Address& primary = discovery.primary;
  if (primary.withPort(0) == other->withPort(0) || primary.port() == other->port()) {
    errors.push_back({"other_address", "must differ from the listener's address in IP address and port"});
  }
  for (const net::Address& needed :
       {*other, primary.withPort(other->port()), other->withPort(primary.port())}) {
    if (std::find(listener.begin(), listener.end(), needed) == listener.end()) {
      errors.push_back({"other_address", "needs " + needed.toString() + " among the listener's addresses"});
    }
  }
  return discovery;
}

}  // namespace

Result<chain::FilterFactoryPtr> StunTurnFactory::make(const filters::StunTurn& config,
                                                      chain::FactoryContext& context) {
  auto factory = std::make_shared<StunTurnFactory>();
  Errors errors;
  factory->unauthenticated_rate = config.max_unauthenticated_responses_per_second();
  factory->consent_timeout = std::chrono::seconds{config.consent_timeout_s()};
  factory->consent_from_media = config.consent_from_media();
  factory->answer_anonymous = config.answer_anonymous();
  if (config.software().size() > 128) errors.push_back({"software", "must have at most 128 bytes"});
  if (config.has_software()) factory->software = config.software();
  if (!config.other_address().empty()) {
    factory->nat_discovery = readNatDiscovery(config.other_address(), context.listener, errors);
  }
  if (config.has_turn()) factory->turn = TurnSettings::make(config.turn(), context, errors);
  if (!errors.empty()) return errors;
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr StunTurnFactory::create(chain::FilterContext& context) const {
  return std::make_unique<StunTurn>(context, *this);
}

chain::Description StunTurnFactory::info() const {
  if (!turn) return {};
  return {{"realm", turn->auth->realm()}};
}

// The effect of the same configuration may change with its surroundings.
bool StunTurnFactory::sameAs(const chain::FilterFactory& previous) const {
  const auto& other = static_cast<const StunTurnFactory&>(previous);
  if (nat_discovery != other.nat_discovery) return false;
  return !turn || turn->sameSurroundings(*other.turn);
}

StunTurn::StunTurn(chain::FilterContext& context, const StunTurnFactory& factory)
    : Filter(context),
      factory_(&factory),
      worker_(context.worker().local<StunWorker>()),
      limits_(worker_.limits(context.stats(), factory.unauthenticated_rate)),
      consent_timer_(context.timers(), [this] { judgeConsent(); }) {
  limits_.setRate(factory.unauthenticated_rate);
}

void StunTurn::onIngress(net::PacketPtr&& packet) {
  switch (packet->kind) {
    case PacketKind::kStun:
    case PacketKind::kTurn:
      return onStun(std::move(packet));
    case PacketKind::kTurnChannel:
      return turn_ == nullptr ? context_.drop(std::move(packet), Drop::kNoAllocation)
                              : turn_->onChannelData(std::move(packet));
    default:
      break;
  }
  if (!context_.session().isAuthenticated(*packet)) {
    return context_.drop(std::move(packet), Drop::kNotAuthenticated);
  }
  renewConsentFromMedia(*packet);
  context_.ingress(std::move(packet));
}

void StunTurn::onStun(net::PacketPtr&& packet) {
  const auto message = stun::parse(packet->data());
  if (!message) return context_.drop(std::move(packet), Drop::kMalformed);
  if (!message->checkFingerprint()) return context_.drop(std::move(packet), Drop::kBadFingerprint);
  if (message->method != stun::kBinding) return onTurn(std::move(packet), *message);
  switch (message->kind) {
    case stun::Class::kRequest:
      return onBindingRequest(std::move(packet), *message);
    case stun::Class::kIndication: {  // a keep-alive
      if (!stun::findUnknown(*message, false).empty()) {
        return context_.drop(std::move(packet), Drop::kUnknownAttribute);
      }
      renewConsentFromMedia(*packet);
      return context_.consume(std::move(packet));
    }
    default:
      return context_.drop(std::move(packet), Drop::kUnexpectedResponse);
  }
}

void StunTurn::onTurn(net::PacketPtr&& packet, const stun::Message& message) {
  if (!factory_->turn) return context_.drop(std::move(packet), Drop::kUnsupportedMethod);
  if (message.kind == stun::Class::kIndication && message.method == stun::kSend) {
    return turn().onSendIndication(std::move(packet), message);
  }
  if (message.kind != stun::Class::kRequest && message.kind != stun::Class::kIndication) {
    return context_.drop(std::move(packet), Drop::kUnexpectedResponse);
  }
  if (message.kind == stun::Class::kIndication || !TurnServer::isRequest(message.method)) {
    return context_.drop(std::move(packet), Drop::kUnsupportedMethod);
  }
  turn().onRequest(*packet, message);
  context_.consume(std::move(packet));
}

TurnServer& StunTurn::turn() {
  if (turn_ == nullptr) {
    turn_ = std::make_unique<TurnServer>(context_, worker_, limits_, *factory_->turn, factory_->software);
  }
  return *turn_;
}

void StunTurn::onBindingRequest(net::PacketPtr&& packet, const stun::Message& request) {
  const rooms::IceCredentials* ice = context_.session().iceCredentials(stun::localUfrag(request));
  Check check = examine(request, ice, factory_->nat_discovery.has_value());
  NatDiscovery::Reply discovery;
  if (factory_->nat_discovery && check.verdict == Verdict::kAnonymous) {
    discovery = factory_->nat_discovery->plan(request, packet->remote, packet->local);
    if (discovery.error) check.verdict = Verdict::kBadRequest;
  }
  if (check.verdict == Verdict::kAnonymous && !factory_->answer_anonymous) {
    return context_.drop(std::move(packet), Drop::kAnonymousRefused);
  }
  const bool authentic = check.verdict == Verdict::kAuthenticated;
  auto seen = RecentChecks::Verdict::kNew;
  if (authentic) seen = checks_.examine(request.id, packet->remote, packet->local);
  if (seen == RecentChecks::Verdict::kReplayed) return context_.drop(std::move(packet), Drop::kReplayedCheck);
  const bool unknown_client = !authentic && !context_.session().isAuthenticated(*packet);
  if (unknown_client && !limits_.binding.allow(packet->remote, context_.now())) {
    return context_.drop(std::move(packet), Drop::kRateLimited);
  }
  context_.count(check.verdict);
  if (authentic && !context_.session().authenticate(*packet)) {
    return context_.drop(std::move(packet), Drop::kTooManyAddresses);
  }
  respond(*packet, request, check, ice, discovery);
  if (authentic && seen == RecentChecks::Verdict::kNew) onAuthenticCheck(*packet, check);
  context_.consume(std::move(packet));
}

void StunTurn::onAuthenticCheck(const net::Packet& packet, const Check& check) {
  if (check.nominated) context_.session().select(packet.remote, packet.local);
  consent_.renew(packet.remote, packet.local, context_.now());
  if (!consent_timer_.armed() || !(packet.remote == context_.session().remote())) judgeConsent();
}

// For clients that send no consent checks: packets from an authenticated pair count in their place. An
// attacker on the path can forge them.
void StunTurn::renewConsentFromMedia(const net::Packet& packet) {
  if (!factory_->consent_from_media || consent_.empty()) return;
  if (!context_.session().isAuthenticated(packet)) return;
  consent_.renew(packet.remote, packet.local, context_.now());
}

void StunTurn::respond(const net::Packet& packet, const stun::Message& request, const Check& check,
                       const rooms::IceCredentials* ice, const NatDiscovery::Reply& discovery) {
  net::PacketPtr response = context_.packet();
  if (response == nullptr) return context_.countDrop(Drop::kNoPacket);
  response->resize(net::Packet::kMaxPayload);
  const auto size = writeResponse(request, check, packet.remote, ice, factory_->software,
                                  discovery.other.isSet() ? &discovery : nullptr, response->data());
  if (!size) return context_.drop(std::move(response), Drop::kNoPacket);
  response->resize(*size);
  response->kind = PacketKind::kStun;
  response->remote = packet.remote;
  response->local = packet.local;
  response->received = packet.received;
  if (discovery.explicit_path && check.verdict == Verdict::kAnonymous) {
    response->explicit_path = true;
    response->remote = discovery.to;
    response->local = discovery.from;
  }
  context_.egress(std::move(response));
}

void StunTurn::judgeConsent() {
  auto& session = context_.session();
  const Instant now = context_.now();
  const Duration timeout = factory_->consent_timeout;
  switch (consent_.judge(session.remote(), session.local(), now, timeout)) {
    case Consent::Verdict::kKeep:
      break;
    case Consent::Verdict::kMove:
      session.select(consent_.latest().remote, consent_.latest().local);
      context_.count(Count::kConsentMoves);
      break;
    case Consent::Verdict::kExpired:
      return session.close("consent_expired");
  }
  consent_timer_.armAt(consent_.due(session.remote(), session.local(), now, timeout));
}

bool StunTurn::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const StunTurnFactory*>(&factory);
  limits_.setRate(factory_->unauthenticated_rate);
  if (turn_ != nullptr && factory_->turn) turn_->reload(*factory_->turn, factory_->software);
  if (!factory_->turn) turn_.reset();
  return true;
}

bool StunTurn::archive(Archive& a) {
  std::string bytes;  // separate, since the other configuration may have no TURN
  if (turn_ != nullptr) {
    Archive part(a.descriptors());
    turn_->archive(part);
    bytes = part.takeBytes();
  }
  a(bytes, checks_, consent_);
  if (!a.isReading()) return true;
  if (!consent_.empty()) consent_timer_.arm(Duration::zero());
  if (bytes.empty() || !factory_->turn) return true;
  Archive part(asBytes(bytes), a.descriptors());
  return turn().archive(part) && part.ok();
}

void StunTurn::describe(chain::Description& out) const {
  if (turn_ != nullptr) turn_->describe(out);
  if (consent_.empty()) return;
  const auto age =
      std::chrono::duration_cast<std::chrono::milliseconds>(context_.now() - consent_.latest().last);
  out.emplace_back("last_check_ms", std::to_string(age.count()));
}

chain::FilterType filterType() {
  return {.name = "stun_turn",
          .config_type = "sluice.filters.StunTurn",
          .gives = chain::kAuthenticatedPeer,
          .may_be_last = true,
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}, .sockets = true},
          .parse = chain::parseAs<filters::StunTurn, StunTurnFactory>};
}

}  // namespace sluice::stun_turn
