#include "source/load/tokens.h"

#include <jwt.h>

#include <cstdlib>
#include <memory>

#include "source/base/file.h"

namespace sluice::load {
namespace {

constexpr size_t kMinSecretBytes = 16;  // as the server requires
constexpr size_t kMaxSecretBytes = 4096;
constexpr int64_t kLifetimeSeconds = 600;

}  // namespace

Result<TokenSigner> TokenSigner::make(std::string secret) {
  if (secret.size() < kMinSecretBytes) return Error{"", "must have at least 16 bytes"};
  return TokenSigner(std::move(secret));
}

Result<TokenSigner> TokenSigner::fromFile(const std::string& path) {
  auto text = readFile(path, kMaxSecretBytes);
  if (!text.ok()) return Error{"", path + " " + text.error().message};
  text->erase(text->find_last_not_of("\r\n") + 1);
  auto signer = make(*std::move(text));
  if (!signer.ok()) return Error{"", path + " " + signer.error().message};
  return signer;
}

std::string TokenSigner::sign(const std::string& room, const std::string& player, int64_t now) const {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return {};
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> jwt(raw, jwt_free);
  const auto* key = reinterpret_cast<const unsigned char*>(secret_.data());
  const bool ready = jwt_add_grant(raw, "room", room.c_str()) == 0 &&
                     jwt_add_grant(raw, "player", player.c_str()) == 0 &&
                     jwt_add_grant_int(raw, "exp", static_cast<long>(now + kLifetimeSeconds)) == 0 &&
                     jwt_set_alg(raw, JWT_ALG_HS256, key, static_cast<int>(secret_.size())) == 0;
  const std::unique_ptr<char, decltype(&std::free)> text(ready ? jwt_encode_str(raw) : nullptr, std::free);
  return text ? text.get() : std::string();
}

}  // namespace sluice::load
