// Join tokens: JSON Web Tokens (RFC 7519) signed with HS256. All others are rejected, including "none".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/result.h"

namespace sluice::join {

// The claims of a valid token.
struct Claims {
  std::string room;
  std::string player;
  int64_t expires = 0;  // seconds since 1970
};

// `authorization` is the header's value, "Bearer <token>"; `now` is in seconds since 1970. The token may be
// signed with any of the secrets. It must have the claims room, player and exp; nbf is honoured. Both times
// have a leeway of 10 s.
Result<Claims> verifyToken(std::string_view authorization, const std::vector<std::string>& secrets,
                           int64_t now);

}  // namespace sluice::join
