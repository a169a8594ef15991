// Join tokens of the players' own (docs/join-api.md, "Tokens"), as a game's backend would sign them.
#pragma once

#include <cstdint>
#include <string>

#include "source/base/result.h"

namespace sluice::load {

class TokenSigner {
 public:
  // One of the server's join.token_secrets: at least 16 bytes. Errors have no path and quote nothing of it.
  static Result<TokenSigner> make(std::string secret);
  // The secret is what the file holds, without the line ends after it.
  static Result<TokenSigner> fromFile(const std::string& path);

  // Good for this room and player for ten minutes from `now`, in seconds since 1970.
  std::string sign(const std::string& room, const std::string& player, int64_t now) const;

 private:
  explicit TokenSigner(std::string secret) : secret_(std::move(secret)) {}
  std::string secret_;
};

}  // namespace sluice::load
