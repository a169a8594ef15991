#include "source/join/token.h"

#include <doctest/doctest.h>
#include <jwt.h>

#include <cstdlib>

namespace sluice::join {
namespace {

const std::string kSecret = "a secret of some length";

std::string sign(const char* claims, jwt_alg_t algorithm = JWT_ALG_HS256,
                 const std::string& secret = kSecret) {
  jwt_t* jwt = nullptr;
  REQUIRE(jwt_new(&jwt) == 0);
  REQUIRE(jwt_add_grants_json(jwt, claims) == 0);
  const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
  const bool none = algorithm == JWT_ALG_NONE;
  REQUIRE(jwt_set_alg(jwt, algorithm, none ? nullptr : key, none ? 0 : static_cast<int>(secret.size())) == 0);
  char* text = jwt_encode_str(jwt);
  const std::string token = text;
  std::free(text);
  jwt_free(jwt);
  return token;
}

// The error's path, or "room/player" if the token is valid at second 1000.
std::string verify(std::string_view authorization, std::vector<std::string> secrets = {kSecret}) {
  const auto claims = verifyToken(authorization, secrets, 1000);
  return claims.ok() ? claims->room + "/" + claims->player : claims.error().path;
}

constexpr const char* kGood = R"({"room":"r","player":"p","exp":1001})";

TEST_CASE("a token signed with a known secret is accepted") {
  CHECK(verify("Bearer " + sign(kGood)) == "r/p");
  CHECK(verify("bearer " + sign(kGood)) == "r/p");
  CHECK(verify("Bearer " + sign(kGood), {"another secret, older", kSecret}) == "r/p");
  CHECK(verify("Bearer " + sign(R"({"room":"r","player":"p","exp":1000.5,"nbf":1000})")) == "r/p");
}

TEST_CASE("the signer's clock may differ by ten seconds") {
  CHECK(verify("Bearer " + sign(R"({"room":"r","player":"p","exp":991})")) == "r/p");
  CHECK(verify("Bearer " + sign(R"({"room":"r","player":"p","exp":2000,"nbf":1001})")) == "r/p");
  CHECK(verify("Bearer " + sign(R"({"room":"r","player":"p","exp":2000,"nbf":1010})")) == "r/p");
}

TEST_CASE("invalid tokens are refused") {
  const std::string good = sign(kGood);
  struct Case {
    std::string authorization;
    const char* path;
  };
  const Case cases[] = {
      {"", "authorization"},
      {"Bearer", "authorization"},
      {"Bearer ", "authorization"},
      {"Basic " + good, "authorization"},
      {good, "authorization"},
      {"Bearer " + good.substr(0, good.size() - 1), "authorization"},
      {"Bearer " + good + "A", "authorization"},
      {"Bearer x" + good, "authorization"},
      {"Bearer a.b.c", "authorization"},
      {"Bearer ..", "authorization"},
      {"Bearer " + std::string(5000, 'a'), "authorization"},
      {"Bearer " + sign(kGood, JWT_ALG_HS256, "not the right secret"), "authorization"},
      {"Bearer " + sign(kGood, JWT_ALG_NONE), "authorization"},
      {"Bearer " + sign(kGood, JWT_ALG_HS512), "authorization"},
      {"Bearer " + sign(R"({"room":"r","player":"p"})"), "exp"},
      {"Bearer " + sign(R"({"room":"r","player":"p","exp":"2000"})"), "exp"},
      {"Bearer " + sign(R"({"room":"r","player":"p","exp":990})"), "exp"},
      {"Bearer " + sign(R"({"room":"r","player":"p","exp":2000,"nbf":1011})"), "nbf"},
      {"Bearer " + sign(R"({"room":"r","player":"p","exp":2000,"nbf":"900"})"), "nbf"},
      {"Bearer " + sign(R"({"room":"r","player":"p","exp":2000,"nbf":true})"), "nbf"},
      {"Bearer " + sign(R"({"room":"r","player":"p","exp":2000,"nbf":null})"), "nbf"},
      {"Bearer " + sign(R"({"player":"p","exp":2000})"), "room"},
      {"Bearer " + sign(R"({"room":"r","player":7,"exp":2000})"), "player"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.authorization);
    CHECK(verify(c.authorization) == c.path);
  }
}

}  // namespace
}  // namespace sluice::join
