#include "source/turn/long_term.h"

#include <algorithm>

#include "source/crypto/hmac.h"

namespace sluice::turn {

using stun::ErrorCode;

namespace {

// RFC 8489 sections 14.11 and 18.5: SHA-256, then MD5, without parameters.
constexpr uint8_t kAlgorithms[] = {0, 2, 0, 0, 0, 1, 0, 0};
constexpr uint16_t kMd5 = 1, kSha256 = 2;

// The size of an attribute with its header and padding.
constexpr size_t sized(size_t value) {
  return 4 + ((value + 3) & ~size_t{3});
}

bool hasIntegrity(const stun::Message& request, Bytes key) {
  return request.checkAnyIntegrity(key, crypto::hmacSha1, crypto::hmacSha256);
}

}  // namespace

LongTerm::LongTerm(std::string realm, Duration nonce_lifetime,
                   std::shared_ptr<const NonceGenerator> generator,
                   std::shared_ptr<const credentials::Source> source)
    : realm_(std::move(realm)),
      generator_(std::move(generator)),
      source_(std::move(source)),
      nonces_{.features = realm_.size() <= kMaxRealmOfSha256 ? kPasswordAlgorithmsFeature : 0,
              .lifetime = nonce_lifetime} {
  for (const std::string& name : source_->usernames()) {
    const auto hash = crypto::sha256(asBytes(name + ":" + realm_));  // section 14.4
    by_userhash_[std::string(asText(hash))] = name;
  }
  if (!by_userhash_.empty()) nonces_.features |= kUsernameAnonymityFeature;
}

std::string LongTerm::usernameOf(const stun::Message& request) const {
  if (const auto name = request.username()) return std::string(*name);
  const auto hash = request.find(stun::kUserhash);
  const auto known = by_userhash_.find(std::string(asText(*hash)));
  return known == by_userhash_.end() ? std::string() : known->second;
}

// The third check of section 9.2.4.
std::optional<ErrorCode> LongTerm::checkAlgorithm(const stun::Message& request, std::string_view nonce,
                                                  Authentication& out, credentials::Algorithm& key) const {
  if ((NonceGenerator::featuresOf(nonce) & kPasswordAlgorithmsFeature) == 0) return std::nullopt;
  const auto offered = request.find(stun::kPasswordAlgorithms);
  if (!offered && !request.has(stun::kPasswordAlgorithm)) return std::nullopt;
  const auto chosen = request.passwordAlgorithm();
  if (!offered || !std::ranges::equal(*offered, kAlgorithms)) return ErrorCode::kBadRequest;
  if (chosen != kMd5 && chosen != kSha256) return ErrorCode::kBadRequest;
  key = chosen == kSha256 ? credentials::Algorithm::kSha256 : credentials::Algorithm::kMd5;
  out.sha256 = true;
  return std::nullopt;
}

NonceGenerator::Verdict LongTerm::verifyNonce(const stun::Message& request, const net::Address& client,
                                              Instant now) const {
  const auto nonce = request.nonce();
  return nonce ? generator_->verify(*nonce, client, now, nonces_) : NonceGenerator::Verdict::kUnknown;
}

Authentication LongTerm::authenticate(const stun::Message& request, NonceGenerator::Verdict nonce_verdict,
                                      std::string_view continuing) const {
  Authentication out;
  const auto fail = [&](ErrorCode code) {
    out.error = code;
    out.key.clear();
    return out;
  };
  // The checks of section 9.2.4, in its order.
  if (!request.hasIntegrity()) return fail(ErrorCode::kUnauthorized);
  const auto realm = request.realm();
  const auto nonce = request.nonce();
  if (!realm || !nonce || (!request.has(stun::kUsername) && !request.has(stun::kUserhash))) {
    return fail(ErrorCode::kBadRequest);
  }
  auto algorithm = credentials::Algorithm::kMd5;
  if (const auto code = checkAlgorithm(request, *nonce, out, algorithm)) return fail(*code);
  out.username = usernameOf(request);
  if (out.username.empty() || *realm != realm_) return fail(ErrorCode::kUnauthorized);
  const auto use = out.username == continuing ? credentials::Use::kContinue : credentials::Use::kBegin;
  const bool authentic = source_->authenticate({out.username, realm_, algorithm}, use, [&](Bytes key) {
    out.key.assign(key.begin(), key.end());
    return hasIntegrity(request, key);
  });
  if (!authentic) return fail(ErrorCode::kUnauthorized);
  if (nonce_verdict != NonceGenerator::Verdict::kValid) return fail(ErrorCode::kStaleNonce);
  return out;
}

void LongTerm::challenge(stun::Writer& writer, ErrorCode code, const net::Address& client, Instant now,
                         size_t limit) const {
  const std::string_view reason = stun::reasonOf(code);
  // PASSWORD-ALGORITHMS and the nonce's cookie always agree (section 9.2.1).
  const bool algorithms = (nonces_.features & kPasswordAlgorithmsFeature) != 0;
  const size_t size = stun::kHeaderSize + sized(4 + reason.size()) + sized(realm_.size()) +
                      sized(NonceGenerator::kSize) + (algorithms ? sized(sizeof kAlgorithms) : 0);
  writer.addError(code, size < limit ? reason : std::string_view());
  writer.add(stun::kRealm, realm_);
  writer.add(stun::kNonce, generator_->make(client, now, nonces_));
  if (algorithms) writer.add(stun::kPasswordAlgorithms, Bytes(kAlgorithms));
}

}  // namespace sluice::turn
