#include "filters/stun_turn/stun_turn.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "api/filters/stun_turn.pb.h"
#include "filters/stun_turn/binding.h"
#include "filters/stun_turn/consent.h"
#include "filters/stun_turn/recent_checks.h"
#include "filters/stun_turn/statistics.h"
#include "filters/stun_turn/stun_worker.h"
#include "filters/stun_turn/turn_server.h"
#include "source/chain/typed_filter.h"

namespace sluice::stun_turn {
namespace {

struct Settings {
  double unauthenticated_rate = 0;  // responses per second and source
  Duration consent_timeout{};
  bool consent_from_media = false;
  bool answer_anonymous = false;
  std::string software = "sluice";
  std::optional<TurnSettings> turn;
  std::optional<NatDiscovery> nat_discovery;

  chain::Description info() const {
    if (!turn) return {};
    return {{"realm", turn->auth->realm()}};
  }
  // TURN clients use the credentials and the NAT of their settings, so the same configuration has another
  // effect when these have changed.
  bool sameAs(const Settings& previous) const {
    if (nat_discovery != previous.nat_discovery) return false;
    return !turn || turn->sameEnvironment(*previous.turn);
  }
  // Allocations end when `turn` is removed.
  bool endsState(const Settings& next) const { return turn.has_value() && !next.turn.has_value(); }
};

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

Result<Settings> readSettings(const filters::StunTurn& config, chain::FactoryContext& context) {
  Settings settings;
  Errors errors;
  settings.unauthenticated_rate = config.max_unauthenticated_responses_per_second();
  settings.consent_timeout = std::chrono::seconds{config.consent_timeout_s()};
  settings.consent_from_media = config.consent_from_media();
  settings.answer_anonymous = config.answer_anonymous();
  if (config.software().size() > 128) errors.push_back({"software", "must have at most 128 bytes"});
  if (config.has_software()) settings.software = config.software();
  if (!config.other_address().empty()) {
    settings.nat_discovery = readNatDiscovery(config.other_address(), context.listener, errors);
  }
  if (config.has_turn()) settings.turn = TurnSettings::make(config.turn(), context, errors);
  if (!errors.empty()) return errors;
  return settings;
}

Count countOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAnonymous:
      return Count::kAnonymous;
    case Verdict::kAuthenticated:
      return Count::kAuthenticated;
    case Verdict::kBadRequest:
      return Count::kBadRequest;
    case Verdict::kUnauthorized:
      return Count::kUnauthorized;
    case Verdict::kUnknown:
      return Count::kUnknownAttribute;
    case Verdict::kRoleConflict:
      return Count::kRoleConflict;
  }
  return Count::kBadRequest;
}

class StunTurn final : public chain::TypedFilter<Settings, kSchema> {
 public:
  StunTurn(chain::FilterContext& context, const Settings& settings);

  void onIngress(net::PacketPtr&& packet) override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  bool onSettings(const Settings& before) override;
  void onStun(net::PacketPtr&& packet);
  void onTurn(net::PacketPtr&& packet, const stun::Message& message);
  TurnServer& turn();
  void onBindingRequest(net::PacketPtr&& packet, const stun::Message& request);
  void onAuthenticCheck(const net::Packet& packet, const Check& check);
  void respond(const net::Packet& packet, const stun::Message& request, const Check& check,
               const rooms::IceCredentials* ice, const NatDiscovery::Reply& discovery);
  void renewConsentFromMedia(const net::Packet& packet);
  void checkConsent();

  StunWorker& worker_;
  ResponseLimits& limits_;
  std::unique_ptr<TurnServer> turn_;  // null until the client uses TURN
  RecentChecks checks_;
  Consent consent_;
  net::Timer consent_timer_;
};

StunTurn::StunTurn(chain::FilterContext& context, const Settings& settings)
    : TypedFilter(context, settings),
      worker_(context.worker().local<StunWorker>()),
      limits_(worker_.limits(context.stats(), settings.unauthenticated_rate)),
      consent_timer_(context.timers(), [this] { checkConsent(); }) {
  limits_.setRate(settings.unauthenticated_rate);
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
  if (!settings().turn) return context_.drop(std::move(packet), Drop::kUnsupportedMethod);
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
    turn_ = std::make_unique<TurnServer>(context_, worker_, limits_, *settings().turn, settings().software);
  }
  return *turn_;
}

void StunTurn::onBindingRequest(net::PacketPtr&& packet, const stun::Message& request) {
  const rooms::IceCredentials* ice = context_.session().iceCredentials(stun::localUfrag(request));
  Check check = examine(request, ice, settings().nat_discovery.has_value());
  NatDiscovery::Reply discovery;
  if (settings().nat_discovery && check.verdict == Verdict::kAnonymous) {
    discovery = settings().nat_discovery->plan(request, packet->remote, packet->local);
    if (discovery.error) check.verdict = Verdict::kBadRequest;
  }
  if (check.verdict == Verdict::kAnonymous && !settings().answer_anonymous) {
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
  context_.count(countOf(check.verdict));
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
  if (!consent_timer_.armed() || !(packet.remote == context_.session().remote())) checkConsent();
}

// For clients that send no consent checks: packets from an authenticated pair count in their place. An
// attacker on the path can forge them.
void StunTurn::renewConsentFromMedia(const net::Packet& packet) {
  if (!settings().consent_from_media || consent_.empty()) return;
  if (!context_.session().isAuthenticated(packet)) return;
  consent_.renew(packet.remote, packet.local, context_.now());
}

void StunTurn::respond(const net::Packet& packet, const stun::Message& request, const Check& check,
                       const rooms::IceCredentials* ice, const NatDiscovery::Reply& discovery) {
  net::PacketPtr response = context_.packet();
  if (response == nullptr) return context_.countDrop(Drop::kNoPacket);
  response->resize(net::Packet::kMaxPayload);
  const auto size = writeResponse(request, check, packet.remote, ice, settings().software,
                                  discovery.other.isSet() ? &discovery : nullptr, response->mutableData());
  if (!size) return context_.drop(std::move(response), Drop::kNoPacket);
  response->resize(*size);
  response->kind = PacketKind::kStun;
  response->received = packet.received;
  if (discovery.elsewhere && check.verdict == Verdict::kAnonymous) {
    response->routeExplicitly(discovery.from, discovery.to);
  } else {
    response->routeAsReplyTo(packet);
  }
  context_.egress(std::move(response));
}

void StunTurn::checkConsent() {
  auto& session = context_.session();
  const Instant now = context_.now();
  const Duration timeout = settings().consent_timeout;
  switch (consent_.evaluate(session.remote(), session.local(), now, timeout)) {
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

bool StunTurn::onSettings(const Settings&) {
  limits_.setRate(settings().unauthenticated_rate);
  if (turn_ != nullptr && settings().turn) turn_->reload(*settings().turn, settings().software);
  if (!settings().turn) turn_.reset();
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
  if (bytes.empty() || !settings().turn) return true;
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

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<StunTurn, readSettings>(
      {.name = "stun_turn", .gives = chain::kAuthenticatedPeer, .may_be_last = true});
}

}  // namespace sluice::stun_turn
