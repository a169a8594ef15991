#include "filters/dtls_srtp/dtls_srtp.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "api/filters/dtls_srtp.pb.h"
#include "source/base/log.h"
#include "source/base/token_bucket.h"
#include "source/chain/typed_filter.h"
#include "source/crypto/dtls.h"
#include "source/crypto/srtp.h"
#include "source/rooms/room.h"

namespace sluice::dtls_srtp {
namespace {

using crypto::DtlsConnection;
using crypto::SrtpStatus;
using Health = stats::CounterSpec::Health;

constexpr double kRestarts = 16;  // of one session's handshake, at once and per second

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
enum class Count { kOk, kWrongFingerprint, kNoProfile, kFailed, kTimeout, kRestarted };
enum class Record { kHandshake };

constexpr std::string_view kHandshakesHelp = "DTLS handshakes, by result.";
constexpr stats::Schema<Drop, Count, Record> kSchema{
    .drops = {{Drop::kAuthFailed, "auth_failed"},
              {Drop::kReplayed, "replayed"},
              {Drop::kMalformed, "malformed"},
              {Drop::kTooManySsrcs, "too_many_ssrcs"},
              {Drop::kNotKeyed, "not_keyed"},
              {Drop::kUnexpected, "unexpected"},
              {Drop::kTooLong, "too_long"},
              {Drop::kNoPacket, "no_packet"},
              {Drop::kNumberUsed, "number_used"},
              {Drop::kHandedOver, "handed_over"}},
    .counters = {{Count::kOk, "handshakes", kHandshakesHelp, "result", "ok", Health::kSuccess},
                 {Count::kWrongFingerprint, "handshakes", kHandshakesHelp, "result", "wrong_fingerprint",
                  Health::kFailure},
                 {Count::kNoProfile, "handshakes", kHandshakesHelp, "result", "no_srtp_profile",
                  Health::kFailure},
                 {Count::kFailed, "handshakes", kHandshakesHelp, "result", "failed", Health::kFailure},
                 {Count::kTimeout, "handshakes", kHandshakesHelp, "result", "timeout", Health::kFailure},
                 {Count::kRestarted, "handshake_restarts",
                  "Handshakes restarted within their time limit, after a message that did not fit."}},
    .histograms = {{Record::kHandshake, "handshake", "Time from a handshake's first datagram to its keys."}}};

struct Settings {
  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::vector<crypto::SrtpProfile> profiles;  // best first
  Duration retransmit{};
  Duration handshake_timeout{};
};

Result<Settings> readSettings(const filters::DtlsSrtp& config, chain::FactoryContext& context) {
  Settings out;
  Errors errors;
  out.dtls = context.dtls;
  for (int i = 0; i < config.profiles_size(); ++i) {
    const auto profile = config.profiles(i) == filters::DtlsSrtp::SRTP_AEAD_AES_128_GCM
                             ? crypto::SrtpProfile::kAeadAes128Gcm
                             : crypto::SrtpProfile::kAes128CmSha1_80;
    const std::string path = "profiles[" + std::to_string(i) + "]";
    if (std::count(out.profiles.begin(), out.profiles.end(), profile) > 0) {
      errors.push_back({path, "is listed twice"});
    }
    out.profiles.push_back(profile);
  }
  if (out.profiles.empty()) {
    out.profiles = {crypto::SrtpProfile::kAeadAes128Gcm, crypto::SrtpProfile::kAes128CmSha1_80};
  }
  out.retransmit = std::chrono::milliseconds{config.retransmit_ms()};
  out.handshake_timeout = std::chrono::seconds{config.handshake_timeout_s()};
  if (!errors.empty()) return errors;
  return out;
}

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

// New settings apply to new handshakes; the keys of this session stay.
class DtlsSrtp final : public chain::TypedFilter<Settings, kSchema>, private crypto::DtlsSink {
 public:
  DtlsSrtp(chain::FilterContext& context, const Settings& settings)
      : TypedFilter(context, settings),
        restarts_(kRestarts, kRestarts, context.now()),
        timer_(context.timers(), [this] { onTimer(); }) {}
  ~DtlsSrtp() override;

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  void onAuthenticated(const net::Address& remote) override;
  // The keys and all numbers are handed over, the DTLS connection cannot be: a handshake in progress is lost,
  // and later no close_notify is sent or understood.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  void sendDtls(Bytes datagram) override;
  void beginHandshake();
  void beginAgain();
  void onDtls(net::PacketPtr&& packet);
  void onMedia(net::PacketPtr&& packet);
  void onStateChange();
  void onConnected();
  void onTimer();

  std::unique_ptr<crypto::DtlsConnection> dtls_;  // null until the handshake begins
  std::unique_ptr<crypto::SrtpSession> srtp_;     // null until it is done
  Instant begun_{};
  TokenBucket restarts_;  // of the handshake
  net::Timer timer_;
};

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
      *settings().dtls,
      DtlsConnection::Options{.role = client ? crypto::DtlsRole::kClient : crypto::DtlsRole::kServer,
                              .peer_fingerprints = negotiated.fingerprints,
                              .profiles = settings().profiles,
                              .initial_timeout = settings().retransmit},
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
  const Duration left = begun_ + settings().handshake_timeout - context_.now();
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
  uint8_t* data = packet->mutableData().data();
  size_t size = packet->size();
  const SrtpStatus status =
      packet->kind == PacketKind::kRtp ? srtp_->unprotect(data, size) : srtp_->unprotectRtcp(data, size);
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
  uint8_t* data = packet->mutableData().data();
  size_t size = packet->size();
  const SrtpStatus status = rtp ? srtp_->protect(data, size) : srtp_->protectRtcp(data, size);
  if (status != SrtpStatus::kOk) return context_.drop(std::move(packet), dropOf(status));
  packet->resize(size);
  context_.egress(std::move(packet));
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

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<DtlsSrtp, readSettings>(
      {.name = "dtls_srtp", .needs = chain::kAuthenticatedPeer, .gives = chain::kPlainRtp});
}

}  // namespace sluice::dtls_srtp
