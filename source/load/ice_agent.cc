#include "source/load/ice_agent.h"

#include "source/base/random.h"
#include "source/codec/stun_writer.h"
#include "source/crypto/hmac.h"

namespace sluice::load {
namespace {

constexpr Duration kCheckInterval = 100ms;     // until the first response
constexpr Duration kConsentInterval = 2500ms;  // afterwards, as browsers do
constexpr uint32_t kPriority = 0x6E7F1EFF;     // of a peer-reflexive host candidate (RFC 8445 section 7.1.1)

}  // namespace

IceAgent::IceAgent(rooms::IceCredentials local, rooms::IceCredentials remote)
    : local_(std::move(local)), remote_(std::move(remote)), tie_breaker_(randomU64()) {}

std::optional<size_t> IceAgent::poll(Instant now, MutableBytes out) {
  if (last_request_ && now - *last_request_ < (connected() ? kConsentInterval : kCheckInterval))
    return std::nullopt;
  const auto size = request(out);
  last_request_ = now;
  return size;
}

std::optional<size_t> IceAgent::request(MutableBytes out) {
  // A retransmission belongs to the same transaction: its response may take longer than the interval.
  if (!last_request_ || connected()) fillRandom(id_);
  stun::Writer writer(out, stun::kBinding, stun::Class::kRequest, id_);
  writer.add(stun::kUsername, remote_.ufrag + ":" + local_.ufrag);
  writer.addU64(stun::kIceControlling, tie_breaker_);
  writer.addFlag(stun::kUseCandidate);
  writer.addU32(stun::kPriority, kPriority);
  writer.addIntegrity(asBytes(remote_.password), crypto::hmacSha1);
  writer.addFingerprint();
  return writer.finish();
}

std::optional<size_t> IceAgent::onStun(Bytes datagram, Instant now, MutableBytes out) {
  const auto message = stun::parse(datagram);
  if (!message || message->method != stun::kBinding || !message->checkFingerprint()) return std::nullopt;
  if (message->kind == stun::Class::kSuccess) {
    if (message->id == id_ && message->checkIntegrity(asBytes(remote_.password), crypto::hmacSha1)) {
      last_response_ = now;
    }
    return std::nullopt;
  }
  if (message->kind != stun::Class::kRequest) return std::nullopt;
  if (!message->checkIntegrity(asBytes(local_.password), crypto::hmacSha1)) return std::nullopt;
  stun::Writer writer(out, stun::kBinding, stun::Class::kSuccess, message->id);
  writer.addIntegrity(asBytes(local_.password), crypto::hmacSha1);
  writer.addFingerprint();
  return writer.finish();
}

}  // namespace sluice::load
