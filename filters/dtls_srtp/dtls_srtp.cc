#include "filters/dtls_srtp/dtls_srtp.h"

#include <algorithm>
#include <iterator>

#include "source/base/log.h"
#include "source/rooms/room.h"

namespace sluice::dtls_srtp {
namespace {

using crypto::DtlsConnection;
using crypto::SrtpStatus;

enum class Drop {
  kAuthFailed,
  kReplayed,
  kMalformed,
  kTooManySsrcs,
  kNotKeyed,
  kUnexpected,
  kTooLong,
  kNoPacket,
  kNumberUsed,
  kHandedOver,
};
constexpr std::string_view kDrops[] = {"auth_failed", "replayed",   "malformed", "too_many_ssrcs",
                                       "not_keyed",   "unexpected", "too_long",  "no_packet",
                                       "number_used", "handed_over"};

enum class Count { kOk, kWrongFingerprint, kNoProfile, kFailed, kTimeout, kRestarted };
constexpr double kRestarts = 16;  // of one session's handshake, at once and per second
constexpr std::string_view kHandshakesHelp = "DTLS handshakes, by result.";
using Health = stats::CounterSpec::Health;
constexpr stats::CounterSpec kCounters[] = {
    {"handshakes", kHandshakesHelp, "result", "ok", Health::kSuccess},
    {"handshakes", kHandshakesHelp, "result", "wrong_fingerprint", Health::kFailure},
    {"handshakes", kHandshakesHelp, "result", "no_srtp_profile", Health::kFailure},
    {"handshakes", kHandshakesHelp, "result", "failed", Health::kFailure},
    {"handshakes", kHandshakesHelp, "result", "timeout", Health::kFailure},
    {"handshake_restarts",
     "Handshakes restarted within their time limit, after a message that did not fit."}};

enum class Record { kHandshake };
constexpr stats::HistogramSpec kHistograms[] = {
    {"handshake", "Time from a handshake's first datagram to its keys."}};

Drop dropOf(SrtpStatus status) {
  switch (status) {
    case SrtpStatus::kReplayed:
      return Drop::kReplayed;
    case SrtpStatus::kTooManySsrcs:
      return Drop::kTooManySsrcs;
    case SrtpStatus::kMalformed:
      return Drop::kMalformed;
    case SrtpStatus::kNumberUsed:
      return Drop::kNumberUsed;
    default:
      return Drop::kAuthFailed;
  }
}

Count countOf(std::string_view failure) {
  if (failure == "wrong_fingerprint") return Count::kWrongFingerprint;
  if (failure == "no_srtp_profile") return Count::kNoProfile;
  return Count::kFailed;
}

std::string_view closeReasonOf(std::string_view failure) {
  return failure == "wrong_fingerprint" || failure == "no_srtp_profile" ? failure : "dtls_failed";
}

void logConnected(const rooms::PlayerPtr& player, const net::Address& remote, Duration handshake) {
  log::info("{} in {} connected from {}; the handshake took {} ms", player->id, player->room->name(),
            remote.toString(), std::chrono::duration_cast<std::chrono::milliseconds>(handshake).count());
}

const char* nameOf(crypto::SrtpProfile profile) {
  return profile == crypto::SrtpProfile::kAeadAes128Gcm ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80";
}

}  // namespace

Result<chain::FilterFactoryPtr> DtlsSrtpFactory::make(const filters::DtlsSrtp& config,
                                                      chain::FactoryContext& context) {
  auto factory = std::make_shared<DtlsSrtpFactory>();
  Errors errors;
  factory->dtls = context.dtls;
  for (int i = 0; i < config.profiles_size(); ++i) {
    const auto profile = config.profiles(i) == filters::DtlsSrtp::SRTP_AEAD_AES_128_GCM
                             ? crypto::SrtpProfile::kAeadAes128Gcm
                             : crypto::SrtpProfile::kAes128CmSha1_80;
    const std::string path = "profiles[" + std::to_string(i) + "]";
    if (!filters::DtlsSrtp::Profile_IsValid(config.profiles(i)))
      errors.push_back({path, "is not a known value"});
    if (std::count(factory->profiles.begin(), factory->profiles.end(), profile) > 0) {
      errors.push_back({path, "is listed twice"});
    }
    factory->profiles.push_back(profile);
  }
  if (factory->profiles.empty()) {
    factory->profiles = {crypto::SrtpProfile::kAeadAes128Gcm, crypto::SrtpProfile::kAes128CmSha1_80};
  }
  factory->retransmit = std::chrono::milliseconds{config.retransmit_ms()};
  factory->handshake_timeout = std::chrono::seconds{config.handshake_timeout_s()};
  if (!errors.empty()) return errors;
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr DtlsSrtpFactory::create(chain::FilterContext& context) const {
  return std::make_unique<DtlsSrtp>(context, *this);
}

DtlsSrtp::DtlsSrtp(chain::FilterContext& context, const DtlsSrtpFactory& factory)
    : Filter(context),
      factory_(&factory),
      restarts_(kRestarts, kRestarts, context.now()),
      timer_(context.timers(), [this] { onTimer(); }) {}

DtlsSrtp::~DtlsSrtp() {
  const auto& player = context_.session().player();
  if (player != nullptr) player->observed.connected.store(false, std::memory_order_relaxed);
  if (dtls_ != nullptr && !context_.session().isHandedOver())
    dtls_->close();  // close_notify leaves through the outer filters
}

void DtlsSrtp::onAuthenticated(const net::Address&) {
  const auto& player = context_.session().player();
  if (dtls_ != nullptr || srtp_ != nullptr || player == nullptr) return;
  begun_ = context_.now();
  beginHandshake();
  timer_.arm(Duration::zero());
}

void DtlsSrtp::beginHandshake() {
  const auto& negotiated = context_.session().player()->negotiated;
  const bool client = negotiated.dtls_role == rooms::DtlsRole::kClient;
  crypto::DtlsSink& sink = *this;
  dtls_ = std::make_unique<DtlsConnection>(
      *factory_->dtls,
      DtlsConnection::Options{.role = client ? crypto::DtlsRole::kClient : crypto::DtlsRole::kServer,
                              .peer_fingerprints = negotiated.fingerprints,
                              .profiles = factory_->profiles,
                              .initial_timeout = factory_->retransmit},
      sink);
  if (client) dtls_->start();
}

// Until the handshake is done, anyone who knows the client's address can forge its messages: a message that
// ends the handshake must not end the session.
void DtlsSrtp::beginAgain() {
  if (!restarts_.take(1, context_.now())) return;
  context_.count(Count::kRestarted);
  beginHandshake();
}

void DtlsSrtp::onIngress(net::PacketPtr&& packet) {
  switch (packet->kind) {
    case PacketKind::kDtls:
      return onDtls(std::move(packet));
    case PacketKind::kRtp:
    case PacketKind::kRtcp:
      return onMedia(std::move(packet));
    default:
      return context_.drop(std::move(packet), Drop::kUnexpected);
  }
}

void DtlsSrtp::onDtls(net::PacketPtr&& packet) {
  const bool waits = dtls_ == nullptr || dtls_->state() == DtlsConnection::State::kFailed;
  if (waits || !context_.session().isAuthenticated(*packet)) {
    return context_.drop(std::move(packet), Drop::kUnexpected);
  }
  const auto before = dtls_->state();
  dtls_->onDatagram(packet->data());
  context_.consume(std::move(packet));
  if (dtls_->state() != before) return onStateChange();
  if (dtls_->state() == DtlsConnection::State::kHandshaking) onTimer();
}

void DtlsSrtp::onStateChange() {
  switch (dtls_->state()) {
    case DtlsConnection::State::kConnected:
      return onConnected();
    case DtlsConnection::State::kFailed:
      if (dtls_->failure() == "handshake") return onTimer();
      timer_.cancel();
      context_.count(countOf(dtls_->failure()));
      return context_.session().close(closeReasonOf(dtls_->failure()));
    case DtlsConnection::State::kClosed:
      return context_.session().close("closed_by_peer");
    default:
      return;
  }
}

void DtlsSrtp::onConnected() {
  auto session = crypto::SrtpSession::make(dtls_->keys());
  if (!session.ok()) {
    context_.count(Count::kFailed);
    return context_.session().close("srtp_failed");
  }
  srtp_ = *std::move(session);
  timer_.cancel();
  context_.count(Count::kOk);
  const Duration took = context_.now() - begun_;
  context_.record(Record::kHandshake, took);
  context_.worker().postToMain([player = context_.session().player(), remote = context_.session().remote(),
                                took] { logConnected(player, remote, took); });
  context_.session().player()->observed.connected.store(true, std::memory_order_relaxed);
}

void DtlsSrtp::onTimer() {
  const bool failed = dtls_->state() == DtlsConnection::State::kFailed;
  if (!failed && dtls_->state() != DtlsConnection::State::kHandshaking) return;
  const Duration left = begun_ + factory_->handshake_timeout - context_.now();
  if (left <= Duration::zero()) {
    context_.count(failed ? Count::kFailed : Count::kTimeout);
    return context_.session().close(failed ? "dtls_failed" : "handshake_timeout");
  }
  if (failed) beginAgain();
  if (dtls_->state() == DtlsConnection::State::kFailed)
    return timer_.arm(std::min(left, restarts_.wait(1, context_.now())));
  const auto due = dtls_->nextTimeout();
  if (due && *due <= Duration::zero()) {
    dtls_->onTimeout();
    if (dtls_->state() != DtlsConnection::State::kHandshaking) return onStateChange();
  }
  timer_.arm(std::min(left, std::max<Duration>(1ms, dtls_->nextTimeout().value_or(left))));
}

void DtlsSrtp::sendDtls(Bytes datagram) {
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  if (!packet->assign(datagram)) return context_.drop(std::move(packet), Drop::kTooLong);
  packet->kind = PacketKind::kDtls;
  context_.egress(std::move(packet));
}

void DtlsSrtp::onMedia(net::PacketPtr&& packet) {
  if (srtp_ == nullptr) return context_.drop(std::move(packet), Drop::kNotKeyed);
  size_t size = packet->size();
  const SrtpStatus status = packet->kind == PacketKind::kRtp
                                ? srtp_->unprotect(packet->data().data(), size)
                                : srtp_->unprotectRtcp(packet->data().data(), size);
  if (status != SrtpStatus::kOk) return context_.drop(std::move(packet), dropOf(status));
  packet->resize(size);
  context_.ingress(std::move(packet));
}

void DtlsSrtp::onEgress(net::PacketPtr&& packet) {
  const bool rtp = packet->kind == PacketKind::kRtp;
  if (!rtp && packet->kind != PacketKind::kRtcp) return context_.drop(std::move(packet), Drop::kUnexpected);
  if (srtp_ == nullptr) return context_.drop(std::move(packet), Drop::kNotKeyed);
  if (context_.session().isHandedOver()) return context_.drop(std::move(packet), Drop::kHandedOver);
  if (packet->tailroom() < crypto::kSrtpTailroom) return context_.drop(std::move(packet), Drop::kTooLong);
  size_t size = packet->size();
  const SrtpStatus status =
      rtp ? srtp_->protect(packet->data().data(), size) : srtp_->protectRtcp(packet->data().data(), size);
  if (status != SrtpStatus::kOk) return context_.drop(std::move(packet), dropOf(status));
  packet->resize(size);
  context_.egress(std::move(packet));
}

bool DtlsSrtp::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const DtlsSrtpFactory*>(&factory);
  return true;
}

bool DtlsSrtp::archive(Archive& a) {
  bool keyed = srtp_ != nullptr;
  if (!keyed && dtls_ != nullptr) return false;
  a(keyed);
  if (!keyed) return true;
  if (a.isReading()) {
    srtp_ = crypto::SrtpSession::load(a);
  } else {
    srtp_->save(a);
  }
  return srtp_ != nullptr;
}

void DtlsSrtp::describe(chain::Description& out) const {
  out.emplace_back("state", srtp_ != nullptr ? "connected" : dtls_ != nullptr ? "handshaking" : "waiting");
  if (srtp_ != nullptr) out.emplace_back("profile", nameOf(srtp_->profile()));
}

chain::FilterType filterType() {
  return {.name = "dtls_srtp",
          .config_type = "sluice.filters.DtlsSrtp",
          .needs = chain::kAuthenticatedPeer,
          .gives = chain::kPlainRtp,
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = kHistograms},
          .parse = chain::parseAs<filters::DtlsSrtp, DtlsSrtpFactory>};
}

}  // namespace sluice::dtls_srtp
