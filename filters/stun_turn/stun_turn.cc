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
  if (config.has_max_unauthenticated_responses_per_second()) {
    const uint32_t rate = config.max_unauthenticated_responses_per_second();
    if (rate < 1 || rate > 1'000'000) {
      errors.push_back({"max_unauthenticated_responses_per_second", "must be 1 to 1000000"});
    }
    factory->unauthenticated_rate = rate;
  }
  if (config.has_consent_timeout_s()) {
    if (config.consent_timeout_s() < 5 || config.consent_timeout_s() > 3600) {
      errors.push_back({"consent_timeout_s", "must be 5 to 3600"});
    }
    factory->consent_timeout = std::chrono::seconds{config.consent_timeout_s()};
  }
  if (config.has_answer_anonymous()) factory->answer_anonymous = config.answer_anonymous();
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

// What the same configuration means may change with what is around it.
bool StunTurnFactory::sameAs(const chain::FilterFactory& previous) const {
  const auto& other = static_cast<const StunTurnFactory&>(previous);
  if (nat_discovery != other.nat_discovery) return false;
  return !turn || turn->sameSurroundings(*other.turn);
}

StunTurn::StunTurn(chain::FilterContext& context, const StunTurnFactory& factory)
    : Filter(context),
      factory_(&factory),
      worker_(context.worker().local<StunWorker>()),
      limiter_(worker_.limiter(context.stats(), factory.unauthenticated_rate)),
      consent_(context.timers(), [this] { onConsentTimer(); }) {
  limiter_.setRate(factory.unauthenticated_rate);
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
      const bool unknown = findUnknown(*message, false).count > 0;
      return unknown ? context_.drop(std::move(packet), Drop::kUnknownAttribute)
                     : context_.consume(std::move(packet));
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
  if (message.kind == stun::Class::kIndication || !Turn::isRequest(message.method)) {
    return context_.drop(std::move(packet), Drop::kUnsupportedMethod);
  }
  turn().onRequest(*packet, message);
  context_.consume(std::move(packet));
}

Turn& StunTurn::turn() {
  if (turn_ == nullptr) {
    turn_ = std::make_unique<Turn>(context_, worker_, limiter_, *factory_->turn, factory_->software);
  }
  return *turn_;
}

void StunTurn::onBindingRequest(net::PacketPtr&& packet, const stun::Message& request) {
  const rooms::IceCredentials* ice = context_.session().iceCredentials(stun::localUfrag(request));
  Check check = examine(request, ice, factory_->nat_discovery.has_value());
  NatDiscovery::Reply discovery;
  if (factory_->nat_discovery && check.verdict == Verdict::kAnonymous) {
    discovery = factory_->nat_discovery->plan(request, packet->remote, packet->local);
    if (discovery.error != 0) check.verdict = Verdict::kBadRequest;
  }
  if (check.verdict == Verdict::kAnonymous && !factory_->answer_anonymous) {
    return context_.drop(std::move(packet), Drop::kAnonymousRefused);
  }
  const bool authentic = check.verdict == Verdict::kAuthenticated;
  const bool stranger = !authentic && !context_.session().isAuthenticated(*packet);
  if (stranger && !limiter_.allow(packet->remote, context_.now())) {
    return context_.drop(std::move(packet), Drop::kRateLimited);
  }
  context_.count(check.verdict);
  if (authentic && !context_.session().authenticate(*packet)) {
    return context_.drop(std::move(packet), Drop::kTooManyAddresses);
  }
  respond(*packet, request, check, ice, discovery);
  if (authentic) onAuthenticCheck(*packet, check);
  context_.consume(std::move(packet));
}

void StunTurn::onAuthenticCheck(const net::Packet& packet, const Check& check) {
  if (check.nominated) context_.session().select(packet);
  last_check_ = context_.now();
  if (!consent_.armed()) consent_.arm(factory_->consent_timeout);
}

void StunTurn::respond(const net::Packet& packet, const stun::Message& request, const Check& check,
                       const rooms::IceCredentials* ice, const NatDiscovery::Reply& discovery) {
  net::PacketPtr response = context_.packet();
  if (response == nullptr) return context_.countDrop(Drop::kNoPacket);
  response->resize(net::Packet::kMaxPayload);
  const auto size = answer(request, check, packet.remote, ice, factory_->software,
                           discovery.other.isSet() ? &discovery : nullptr, response->data());
  if (!size) return context_.drop(std::move(response), Drop::kNoPacket);
  response->resize(*size);
  response->kind = PacketKind::kStun;
  response->remote = packet.remote;
  response->local = packet.local;
  response->received = packet.received;
  if (discovery.detour && check.verdict == Verdict::kAnonymous) {
    response->detour = true;
    response->remote = discovery.to;
    response->local = discovery.from;
  }
  context_.egress(std::move(response));
}

void StunTurn::onConsentTimer() {
  const Instant due = last_check_ + factory_->consent_timeout;
  if (context_.now() >= due) return context_.session().close("consent_expired");
  consent_.armAt(due);
}

bool StunTurn::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const StunTurnFactory*>(&factory);
  limiter_.setRate(factory_->unauthenticated_rate);
  if (turn_ != nullptr && factory_->turn) turn_->reload(*factory_->turn, factory_->software);
  if (!factory_->turn) turn_.reset();
  return true;
}

bool StunTurn::archive(Archive& a) {
  a(last_check_);
  if (a.isReading() && last_check_ != Instant{}) consent_.armAt(last_check_ + factory_->consent_timeout);
  std::string bytes;  // apart, since the other configuration may have no TURN
  if (turn_ != nullptr) {
    Archive part(a.descriptors());
    turn_->archive(part);
    bytes = part.takeBytes();
  }
  a(bytes);
  if (!a.isReading() || bytes.empty() || !factory_->turn) return true;
  Archive part(asBytes(bytes), a.descriptors());
  return turn().archive(part) && part.ok();
}

void StunTurn::describe(chain::Description& out) const {
  if (turn_ != nullptr) turn_->describe(out);
  if (last_check_ == Instant{}) return;
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(context_.now() - last_check_);
  out.emplace_back("last_check_ms", std::to_string(age.count()));
}

chain::FilterType filterType() {
  return {.name = "stun_turn",
          .config_type = "sluice.filters.StunTurn",
          .gives = chain::kAuthenticatedPeer,
          .may_be_last = true,
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}},
          .parse = chain::parseAs<filters::StunTurn, StunTurnFactory>};
}

}  // namespace sluice::stun_turn
