// Join tokens made for the players (docs/join-api.md, "Tokens"), as a game's backend would sign them.
#pragma once

#include <cstdint>
#include <string>

#include "source/base/result.h"

namespace sluice::load {

class TokenSigner {
 public:
  // One of the server's join.token_secrets: at least 16 bytes. Errors have no path and do not quote it.
  static Result<TokenSigner> make(std::string secret);
  // The secret is the content of the file, without line ends at its end.
  static Result<TokenSigner> fromFile(const std::string& path);

  // Valid for this room and player for ten minutes from `now`, in seconds since 1970.
  std::string sign(const std::string& room, const std::string& player, int64_t now) const;

 private:
  explicit TokenSigner(std::string secret) : secret_(std::move(secret)) {}
  std::string secret_;
};

}  // namespace sluice::load
