#include "source/load/tokens.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "source/join/token.h"

using namespace sluice;
using load::TokenSigner;

namespace {

const std::string kSecret = "a secret of some length";
constexpr int64_t kNow = 1'700'000'000;

std::string fileWith(const std::string& text) {
  const char* folder = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(folder != nullptr ? folder : "/tmp") + "/secret";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

}  // namespace

TEST_CASE("a secret file that is not a regular file, or is far too long, is an error") {
  for (const char* path : {"/tmp", "/dev/zero", "/proc/self/pagemap", "/no/such/file"}) {
    CAPTURE(path);
    const auto signer = TokenSigner::fromFile(path);
    REQUIRE_FALSE(signer.ok());
    CHECK(signer.error().message.starts_with(path));
  }
}

TEST_CASE("the join API accepts the token for that room and player") {
  const auto signer = TokenSigner::make(kSecret);
  REQUIRE(signer.ok());
  const std::string header = "Bearer " + signer->sign("lobby", "player-7", kNow);
  const auto claims = join::verifyToken(header, {kSecret}, kNow);
  REQUIRE(claims.ok());
  CHECK(claims->room == "lobby");
  CHECK(claims->player == "player-7");
  CHECK(claims->expires == kNow + 600);
  CHECK_FALSE(join::verifyToken(header, {"another secret of length"}, kNow).ok());
}

TEST_CASE("a secret file may end in line breaks; the rest of it is the secret") {
  for (const char* end : {"", "\n", "\r\n", "\n\n"}) {
    const auto signer = TokenSigner::fromFile(fileWith(" " + kSecret + " " + end));
    REQUIRE(signer.ok());
    CHECK(join::verifyToken("Bearer " + signer->sign("r", "p", kNow), {" " + kSecret + " "}, kNow).ok());
  }
}

TEST_CASE("a secret that no server can have is refused and not quoted") {
  CHECK(TokenSigner::make("fifteen bytes..").error().toString() == "must have at least 16 bytes");
  const std::string path = fileWith("short\n");
  CHECK(TokenSigner::fromFile(path).error().toString() == path + " must have at least 16 bytes");
  CHECK(TokenSigner::fromFile("/nowhere/secret").error().toString() ==
        "/nowhere/secret cannot be read: No such file or directory");
}
