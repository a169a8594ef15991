#include "source/join/token.h"

#include <jwt.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "source/http/message.h"

namespace sluice::join {
namespace {

constexpr size_t kMaxTokenBytes = 4096;
constexpr double kLeeway =
    10;  // leeway for the signer's clock, in seconds (RFC 7519 sections 4.1.4 and 4.1.5)

// The claims as JSON if `secret` signed the token with HS256; otherwise null.
nlohmann::json decode(const std::string& token, const std::string& secret) {
  jwt_t* decoded = nullptr;
  const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
  if (jwt_decode(&decoded, token.c_str(), key, static_cast<int>(secret.size())) != 0) return nullptr;
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> jwt(decoded, jwt_free);
  // With a key, libjwt checks the signature, but by the algorithm that the token names, and it ignores the
  // case of that name. RFC 7515 section 4.1.1: the name is case-sensitive.
  const char* algorithm = jwt_get_header(jwt.get(), "alg");
  if (algorithm == nullptr || std::string_view(algorithm) != "HS256") return nullptr;
  const std::unique_ptr<char, decltype(&std::free)> text(jwt_get_grants_json(jwt.get(), nullptr), std::free);
  if (!text) return nullptr;
  return nlohmann::json::parse(text.get(), nullptr, false);
}

}  // namespace

Result<Claims> verifyToken(std::string_view authorization, const std::vector<std::string>& secrets,
                           int64_t now) {
  if (authorization.empty()) return Error{"authorization", "a bearer token is required"};
  const auto bearer = http::bearerToken(authorization);
  if (!bearer) return Error{"authorization", "must be a bearer token"};
  const std::string token(*bearer);
  if (token.size() > kMaxTokenBytes) return Error{"authorization", "the token is too long"};

  nlohmann::json claims;
  for (const std::string& secret : secrets) {
    claims = decode(token, secret);
    if (claims.is_object()) break;
  }
  if (!claims.is_object())
    return Error{"authorization", "the token is not signed with HS256 by a known secret"};

  const auto number = [&](const char* name) { return claims.contains(name) && claims[name].is_number(); };
  if (!number("exp")) return Error{"exp", "the token has no such claim, or no number in it"};
  const auto time = static_cast<double>(now);
  if (claims["exp"].get<double>() <= time - kLeeway) return Error{"exp", "the token has expired"};
  if (claims.contains("nbf")) {
    if (!number("nbf")) return Error{"nbf", "must be a number"};
    if (claims["nbf"].get<double>() > time + kLeeway) return Error{"nbf", "the token is not valid yet"};
  }
  for (const char* name : {"room", "player"}) {
    if (!claims.contains(name) || !claims[name].is_string()) {
      return Error{name, "the token has no such claim, or no text in it"};
    }
  }
  constexpr double kLastSecond = 1e15;  // a double represents it exactly
  const auto expires = static_cast<int64_t>(std::min(claims["exp"].get<double>(), kLastSecond));
  return Claims{claims["room"], claims["player"], expires};
}

}  // namespace sluice::join
