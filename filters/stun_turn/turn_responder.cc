#include "filters/stun_turn/turn_responder.h"

#include "filters/stun_turn/statistics.h"
#include "source/crypto/hmac.h"

namespace sluice::stun_turn {

bool TurnResponder::repeat(const net::Packet& packet, const stun::Message& request) {
  const auto* known = transactions_.find(request, context_.now());
  if (known == nullptr) return false;
  context_.count(Count::kRepeated);
  if (net::PacketPtr repeated = context_.packet()) {
    repeated->assign(*known);
    send(std::move(repeated), packet);
  } else {
    context_.countDrop(Drop::kNoPacket);
  }
  return true;
}

void TurnResponder::challenge(const net::Packet& packet, const stun::Message& request, stun::ErrorCode code,
                              const turn::LongTerm& auth) {
  net::PacketPtr response = context_.packet();
  if (response == nullptr) return context_.countDrop(Drop::kNoPacket);
  response->resize(net::Packet::kMaxPayload);
  stun::Writer writer(response->data(), request.method, stun::Class::kError, request.id);
  const size_t fingerprint = request.has(stun::kFingerprint) ? 8 : 0;
  const size_t limit = 3 * request.bytes.size();
  if (code == stun::ErrorCode::kBadRequest) {
    writer.addError(code);
  } else {
    auth.challenge(writer, code, packet.remote, context_.now(), limit - fingerprint);
  }
  if (fingerprint > 0) writer.addFingerprint();
  const auto size = writer.finish();
  response->resize(size.value_or(0));
  if (!size || *size >= limit) return context_.drop(std::move(response), Drop::kAnswerTooLong);
  context_.count(refusalOf(code));
  send(std::move(response), packet);
}

void TurnResponder::succeed(Exchange& exchange, const Fill& fill) {
  respond(exchange, stun::Class::kSuccess, fill);
}

void TurnResponder::refuse(Exchange& exchange, stun::ErrorCode code) {
  refuse(exchange, code, [](stun::Writer&) {});
}

void TurnResponder::refuse(Exchange& exchange, stun::ErrorCode code, const Fill& fill) {
  context_.count(refusalOf(code));
  respond(exchange, stun::Class::kError, [&](stun::Writer& writer) {
    writer.addError(code);
    fill(writer);
  });
}

void TurnResponder::refuseUnknown(Exchange& exchange, const stun::UnknownAttributes& unknown) {
  refuse(exchange, stun::ErrorCode::kUnknownAttribute, [&](stun::Writer& writer) { unknown.addTo(writer); });
}

void TurnResponder::respond(Exchange& exchange, stun::Class kind, const Fill& fill) {
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

void TurnResponder::send(net::PacketPtr packet, const net::Packet& request) {
  packet->kind = PacketKind::kTurn;
  packet->remote = request.remote;
  packet->local = request.local;
  packet->received = context_.now();
  context_.egress(std::move(packet));
}

}  // namespace sluice::stun_turn
