// The server side of a Binding request: a STUN server's (RFC 8489 section 6.3) and an ICE-lite agent's (RFC
// 8445 section 7.3). Pure: a message in, a verdict and an answer out.
#pragma once

#include <optional>

#include "filters/stun_turn/attributes.h"
#include "filters/stun_turn/nat_discovery.h"
#include "source/codec/stun.h"
#include "source/net/address.h"
#include "source/rooms/player.h"

namespace sluice::stun_turn {

enum class Verdict {
  kAnonymous,      // a plain request, to be answered if anonymous clients are
  kAuthenticated,  // an ICE check with the right credentials
  kBadRequest,     // 400: half of the credentials is missing
  kUnauthorized,   // 401: the credentials are wrong
  kUnknown,        // 420: an attribute that must be understood is not
  kRoleConflict,   // 487: the client thinks that it is controlled; as a lite agent so are we
};

struct Check {
  Verdict verdict;
  bool nominated = false;       // USE-CANDIDATE
  UnknownAttributes unknown{};  // with kUnknown
};

// `ice` are the credentials that we gave out with the request's ufrag; null when there are none.
// `nat_discovery`: the attributes of RFC 5780 are understood.
Check examine(const stun::Message& request, const rooms::IceCredentials* ice, bool nat_discovery);

// Writes the answer to `check`; nothing when it does not fit. `discovery` may be null. To kAnonymous and to
// errors it is less than three times the request.
std::optional<size_t> answer(const stun::Message& request, const Check& check, const net::Address& client,
                             const rooms::IceCredentials* ice, std::string_view software,
                             const NatDiscovery::Reply* discovery, MutableBytes out);

}  // namespace sluice::stun_turn
