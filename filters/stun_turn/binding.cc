#include "filters/stun_turn/binding.h"

#include "source/crypto/hmac.h"
#include "source/turn/wire.h"

namespace sluice::stun_turn {
namespace {

stun::ErrorCode errorOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnauthorized:
      return stun::ErrorCode::kUnauthorized;
    case Verdict::kUnknown:
      return stun::ErrorCode::kUnknownAttribute;
    case Verdict::kRoleConflict:
      return stun::ErrorCode::kRoleConflict;
    default:
      return stun::ErrorCode::kBadRequest;
  }
}

}  // namespace

Check examine(const stun::Message& request, const rooms::IceCredentials* ice, bool nat_discovery) {
  Check check{.verdict = Verdict::kAnonymous};
  const bool has_username = request.has(stun::kUsername);
  // RFC 8489 section 9.1.3, the order of checks.
  if (has_username != request.hasIntegrity()) {
    check.verdict = Verdict::kBadRequest;
    return check;
  }
  if (has_username) {
    const bool right =
        ice != nullptr && stun::localUfrag(request) == ice->ufrag &&
        request.checkAnyIntegrity(asBytes(ice->password), crypto::hmacSha1, crypto::hmacSha256);
    check.verdict = right ? Verdict::kAuthenticated : Verdict::kUnauthorized;
    if (!right) return check;
  }
  check.unknown = stun::findUnknown(request, nat_discovery);
  if (!check.unknown.empty()) {
    check.verdict = Verdict::kUnknown;
  } else if (check.verdict == Verdict::kAuthenticated && request.has(stun::kIceControlled)) {
    check.verdict = Verdict::kRoleConflict;
  }
  check.nominated = request.useCandidate();
  return check;
}

std::optional<size_t> writeResponse(const stun::Message& request, const Check& check,
                                    const net::Address& client, const rooms::IceCredentials* ice,
                                    std::string_view software, const NatDiscovery::Reply* discovery,
                                    MutableBytes out) {
  const bool success = check.verdict == Verdict::kAuthenticated || check.verdict == Verdict::kAnonymous;
  stun::Writer writer(out, request.method, success ? stun::Class::kSuccess : stun::Class::kError, request.id);
  if (success) {
    writer.addXorAddress(stun::kXorMappedAddress, turn::toStun(client));
    const size_t fingerprint = request.has(stun::kFingerprint) ? 8 : 0;
    if (discovery != nullptr) {
      NatDiscovery::addTo(writer, *discovery, client, 3 * request.bytes.size() - fingerprint);
    }
  } else {
    writer.addError(errorOf(check.verdict));
  }
  if (check.verdict == Verdict::kUnknown) check.unknown.addTo(writer);
  const bool authentic = check.verdict == Verdict::kAuthenticated ||
                         check.verdict == Verdict::kRoleConflict ||
                         (check.verdict == Verdict::kUnknown && request.has(stun::kUsername));
  if (authentic) {
    if (!software.empty()) writer.add(stun::kSoftware, software);
    // RFC 8489 section 9.1.4: the response uses the integrity attribute of the request.
    if (request.has(stun::kMessageIntegritySha256)) {
      writer.addIntegritySha256(asBytes(ice->password), crypto::hmacSha256);
    } else {
      writer.addIntegrity(asBytes(ice->password), crypto::hmacSha1);
    }
  }
  if (request.has(stun::kFingerprint)) writer.addFingerprint();
  return writer.finish();
}

}  // namespace sluice::stun_turn
