#include "filters/stun_turn/stun_turn.h"

namespace sluice::stun_turn {
namespace {

enum class Drop {
  kMalformed,
  kBadFingerprint,
  kRateLimited,
  kNotAuthenticated,
  kUnsupportedMethod,
  kUnexpectedResponse,
  kUnknownAttribute,
  kAnonymousRefused,
  kTooManyAddresses,
  kNoPacket,
};
constexpr std::string_view kDrops[] = {"malformed",         "bad_fingerprint",    "rate_limited",
                                       "not_authenticated", "unsupported_method", "unexpected_response",
                                       "unknown_attribute", "anonymous_refused",  "too_many_addresses",
                                       "no_packet"};

// In the order of Verdict.
constexpr std::string_view kRequestsHelp = "Binding requests, by what they were answered with.";
constexpr stats::CounterSpec kCounters[] = {{"requests", kRequestsHelp, "result", "anonymous"},
                                            {"requests", kRequestsHelp, "result", "authenticated"},
                                            {"requests", kRequestsHelp, "result", "bad_request"},
                                            {"requests", kRequestsHelp, "result", "unauthorized"},
                                            {"requests", kRequestsHelp, "result", "unknown_attribute"},
                                            {"requests", kRequestsHelp, "result", "role_conflict"}};

}  // namespace

Result<chain::FilterFactoryPtr> StunTurnFactory::make(const filters::StunTurn& config,
                                                      chain::FactoryContext&) {
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
  factory->software = config.software();
  if (!errors.empty()) return errors;
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr StunTurnFactory::create(chain::FilterContext& context) const {
  return std::make_unique<StunTurn>(context, *this);
}

SourceLimiter& StunWorker::limiter(stats::FilterStats& stats, double rate) {
  return limiters_.try_emplace(&stats, rate, worker_.clock().now()).first->second;
}

StunTurn::StunTurn(chain::FilterContext& context, const StunTurnFactory& factory)
    : Filter(context),
      factory_(&factory),
      limiter_(context.worker().local<StunWorker>().limiter(context.stats(), factory.unauthenticated_rate)),
      consent_(context.timers(), [this] { onConsentTimer(); }) {
  limiter_.setRate(factory.unauthenticated_rate, context.now());
}

const rooms::IceCredentials* StunTurn::ice() const {
  const auto& player = context_.session().player();
  return player == nullptr ? nullptr : &player->negotiated.local;
}

void StunTurn::onIngress(net::PacketPtr&& packet) {
  if (packet->kind == PacketKind::kStun) return onStun(std::move(packet));
  if (!context_.session().isAuthenticated(packet->remote)) {
    return context_.drop(std::move(packet), Drop::kNotAuthenticated);
  }
  context_.ingress(std::move(packet));
}

void StunTurn::onStun(net::PacketPtr&& packet) {
  const auto message = stun::parse(packet->data());
  if (!message) return context_.drop(std::move(packet), Drop::kMalformed);
  if (!message->checkFingerprint()) return context_.drop(std::move(packet), Drop::kBadFingerprint);
  if (message->method != stun::kBinding) return context_.drop(std::move(packet), Drop::kUnsupportedMethod);
  switch (message->kind) {
    case stun::Class::kRequest:
      return onBindingRequest(std::move(packet), *message);
    case stun::Class::kIndication: {  // a keep-alive
      const bool unknown = examine(*message, ice()).unknown_count > 0;
      return unknown ? context_.drop(std::move(packet), Drop::kUnknownAttribute)
                     : context_.consume(std::move(packet));
    }
    default:
      return context_.drop(std::move(packet), Drop::kUnexpectedResponse);
  }
}

void StunTurn::onBindingRequest(net::PacketPtr&& packet, const stun::Message& request) {
  const Check check = examine(request, ice());
  if (check.verdict == Verdict::kAnonymous && !factory_->answer_anonymous) {
    return context_.drop(std::move(packet), Drop::kAnonymousRefused);
  }
  const bool authentic = check.verdict == Verdict::kAuthenticated;
  if (!authentic && !limiter_.allow(packet->remote, context_.now())) {
    return context_.drop(std::move(packet), Drop::kRateLimited);
  }
  context_.count(check.verdict);
  if (authentic && !context_.session().authenticate(packet->remote)) {
    return context_.drop(std::move(packet), Drop::kTooManyAddresses);
  }
  respond(*packet, request, check);
  if (authentic) onAuthenticCheck(packet->remote, check);
  context_.consume(std::move(packet));
}

void StunTurn::onAuthenticCheck(const net::Address& remote, const Check& check) {
  if (check.nominated) context_.session().select(remote);
  last_check_ = context_.now();
  if (!consent_.armed()) consent_.arm(factory_->consent_timeout);
}

void StunTurn::respond(const net::Packet& packet, const stun::Message& request, const Check& check) {
  net::PacketPtr response = context_.packet();
  if (response == nullptr) return context_.countDrop(Drop::kNoPacket);
  response->resize(net::Packet::kMaxPayload);
  const auto size = answer(request, check, packet.remote, ice(), factory_->software, response->data());
  if (!size) return context_.drop(std::move(response), Drop::kNoPacket);
  response->resize(*size);
  response->kind = PacketKind::kStun;
  response->remote = packet.remote;
  response->received = packet.received;
  context_.egress(std::move(response));
}

void StunTurn::onConsentTimer() {
  const Instant due = last_check_ + factory_->consent_timeout;
  if (context_.now() >= due) return context_.session().close("consent_expired");
  consent_.armAt(due);
}

bool StunTurn::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const StunTurnFactory*>(&factory);
  limiter_.setRate(factory_->unauthenticated_rate, context_.now());
  return true;
}

void StunTurn::describe(chain::Description& out) const {
  if (last_check_ == Instant{}) return;
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(context_.now() - last_check_);
  out.emplace_back("last_check_ms", std::to_string(age.count()));
}

chain::FilterType filterType() {
  return {.name = "stun_turn",
          .config_type = "sluice.filters.StunTurn",
          .gives = chain::kAuthenticatedPeer,
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}},
          .parse = chain::parseAs<filters::StunTurn, StunTurnFactory>};
}

}  // namespace sluice::stun_turn
