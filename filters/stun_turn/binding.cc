#include "filters/stun_turn/binding.h"

#include <algorithm>

#include "source/crypto/hmac.h"

namespace sluice::stun_turn {
namespace {

struct ErrorText {
  unsigned code;
  std::string_view reason;
};

ErrorText errorOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnauthorized:
      return {401, "Unauthorized"};
    case Verdict::kUnknown:
      return {420, "Unknown"};
    case Verdict::kRoleConflict:
      return {487, "Role Conflict"};
    default:
      return {400, "Bad Request"};
  }
}

}  // namespace

Check examine(const stun::Message& request, const rooms::IceCredentials* ice, bool nat_discovery) {
  Check check{.verdict = Verdict::kAnonymous};
  const auto username = request.find(stun::kUsername);
  const bool has_integrity =
      request.has(stun::kMessageIntegrity) || request.has(stun::kMessageIntegritySha256);
  // RFC 8489 section 9.1.3, the order of checks.
  if (username.has_value() != has_integrity) {
    check.verdict = Verdict::kBadRequest;
    return check;
  }
  if (username) {
    const bool right =
        ice != nullptr && stun::localUfrag(request) == ice->ufrag &&
        request.checkAnyIntegrity(asBytes(ice->password), crypto::hmacSha1, crypto::hmacSha256);
    check.verdict = right ? Verdict::kAuthenticated : Verdict::kUnauthorized;
    if (!right) return check;
  }
  check.unknown = findUnknown(request, nat_discovery);
  if (check.unknown.count > 0) {
    check.verdict = Verdict::kUnknown;
  } else if (check.verdict == Verdict::kAuthenticated && request.has(stun::kIceControlled)) {
    check.verdict = Verdict::kRoleConflict;
  }
  check.nominated = request.has(stun::kUseCandidate);
  return check;
}

std::optional<size_t> answer(const stun::Message& request, const Check& check, const net::Address& client,
                             const rooms::IceCredentials* ice, std::string_view software,
                             const NatDiscovery::Reply* discovery, MutableBytes out) {
  const bool success = check.verdict == Verdict::kAuthenticated || check.verdict == Verdict::kAnonymous;
  stun::Writer writer(out, request.method, success ? stun::Class::kSuccess : stun::Class::kError, request.id);
  if (success) {
    writer.addXorAddress(stun::kXorMappedAddress, toStun(client));
    const size_t fingerprint = request.has(stun::kFingerprint) ? 8 : 0;
    if (discovery != nullptr) {
      NatDiscovery::addTo(writer, *discovery, client, 3 * request.bytes.size() - fingerprint);
    }
  } else {
    const ErrorText error = errorOf(check.verdict);
    writer.addError(error.code, error.reason);
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
