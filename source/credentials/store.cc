#include "source/credentials/store.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "source/crypto/hmac.h"

namespace sluice::credentials {
namespace {

// "1700000000:name"; nothing if it does not begin with a time.
std::optional<int64_t> expiryOf(std::string_view username) {
  const size_t end = std::min(username.find(':'), username.size());
  int64_t expiry = 0;
  const auto [at, error] = std::from_chars(username.data(), username.data() + end, expiry);
  if (end == 0 || error != std::errc() || at != username.data() + end) return std::nullopt;
  return expiry;
}

std::string sign(std::string_view secret, std::string_view username, bool sha256) {
  uint8_t mac[32];
  (sha256 ? crypto::hmacSha256 : crypto::hmacSha1)(asBytes(secret), asBytes(username), mac);
  return crypto::base64(Bytes(mac, sha256 ? 32 : 20));
}

}  // namespace

Store::Store(Options options, Wall wall) : options_(std::move(options)), wall_(std::move(wall)) {}

int64_t Store::systemTime() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

bool Store::authenticate(const Claim& claim, Use use, const Check& check) const {
  const std::string name(claim.username);
  const auto has = [&](std::string_view password) {
    return check(keyOf(name, claim.realm, password, claim.algorithm));
  };
  if (const auto user = options_.users.find(name); user != options_.users.end()) return has(user->second);
  if (const auto user = options_.keyed_users.find(name); user != options_.keyed_users.end()) {
    const auto& key = claim.algorithm == Algorithm::kMd5 ? user->second.md5 : user->second.sha256;
    if (!key.empty()) return check(key);
  }
  const auto expiry = expiryOf(name);
  const int64_t grace = use == Use::kContinue ? options_.grace.count() : 0;
  if (!expiry || options_.keyed_users.contains(name) || *expiry <= wall_() - grace) {
    static_cast<void>(has({}));  // an unknown user takes as long as a wrong password
    return false;
  }
  return std::any_of(options_.shared_secrets.begin(), options_.shared_secrets.end(), [&](const auto& secret) {
    return has(sign(secret, name, false)) || has(sign(secret, name, true));
  });
}

std::string_view Store::account(std::string_view username) const {
  const size_t colon = username.find(':');
  if (colon == std::string_view::npos || !expiryOf(username)) return username;
  return username.substr(colon + 1);
}

std::vector<std::string> Store::usernames() const {
  std::vector<std::string> names;
  if (!options_.shared_secrets.empty()) return names;
  for (const auto& [name, password] : options_.users) names.push_back(name);
  for (const auto& [name, keys] : options_.keyed_users) names.push_back(name);
  return names;
}

bool Store::sameAs(const Source& other) const {
  const auto* store = dynamic_cast<const Store*>(&other);
  return store != nullptr && store->options_ == options_;
}

Issued Store::issue(std::string_view name, int64_t latest) const {
  const int64_t now = wall_();
  const int64_t expiry = std::min(latest, now + options_.ttl.count());
  Issued issued;
  issued.username = std::to_string(expiry) + ":" + std::string(name);
  issued.password = sign(options_.shared_secrets.front(), issued.username, false);
  issued.ttl = std::chrono::seconds{std::max<int64_t>(0, expiry - now)};
  return issued;
}

}  // namespace sluice::credentials
