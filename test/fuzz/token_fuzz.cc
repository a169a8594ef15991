// No text is accepted as a token unless it is signed with the secret, and of signed tokens only valid claims
// are accepted. The input is the value of an Authorization header; and, if it has a line break, a JOSE header
// and claims to sign.
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/bytes.h"
#include "source/crypto/hmac.h"
#include "source/join/token.h"

namespace {

using namespace sluice;
using nlohmann::json;

constexpr int64_t kNow = 1'700'000'000;
constexpr int64_t kLeeway = 10;
const std::string kSecret = "a secret of some length";

void require(bool holds) {
  if (!holds) std::abort();
}

std::string base64url(Bytes bytes) {
  std::string text = crypto::base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::string sign(std::string_view header, std::string_view claims) {
  const std::string text = base64url(asBytes(header)) + "." + base64url(asBytes(claims));
  uint8_t mac[32];
  crypto::hmacSha256(asBytes(kSecret), asBytes(text), mac);
  return "Bearer " + text + "." + base64url(mac);
}

void verifySigned(std::string_view header, std::string_view claims) {
  const auto verified = join::verifyToken(sign(header, claims), {kSecret}, kNow);
  if (!verified) return require(!verified.error().path.empty());
  require(verified->expires > kNow - kLeeway);
  const json jose = json::parse(header, nullptr, false);
  if (jose.is_object() && jose.contains("alg") && jose["alg"].is_string()) {
    require(jose["alg"].get<std::string>() == "HS256");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = asText({data, size});
  const std::vector<std::string> unknown{"another secret, not used for signing"};
  require(!join::verifyToken(text, unknown, kNow).ok());
  require(!join::verifyToken("Bearer " + std::string(text), unknown, kNow).ok());
  const size_t line = text.find('\n');
  verifySigned(line == text.npos ? R"({"alg":"HS256","typ":"JWT"})" : text.substr(0, line),
               text.substr(line == text.npos ? 0 : line + 1));
  return 0;
}
