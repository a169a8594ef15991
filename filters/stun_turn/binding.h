// Handles Binding requests, as a STUN server (RFC 8489 section 6.3) and as an ICE-lite agent (RFC 8445
// section 7.3). Pure: a message in, a verdict and a response out.
#pragma once

#include <optional>

#include "filters/stun_turn/nat_discovery.h"
#include "source/codec/unknown_attributes.h"
#include "source/net/address.h"
#include "source/rooms/player.h"

namespace sluice::stun_turn {

enum class Verdict {
  kAnonymous,      // a request without credentials, which gets a response if `answer_anonymous` is set
  kAuthenticated,  // an ICE check with the right credentials
  kBadRequest,     // 400: half of the credentials is missing
  kUnauthorized,   // 401: the credentials are wrong
  kUnknown,        // 420: a comprehension-required attribute is not understood
  kRoleConflict,   // 487: the client claims the controlled role, but a lite agent is controlled
};

struct Check {
  Verdict verdict;
  bool nominated = false;             // USE-CANDIDATE
  stun::UnknownAttributes unknown{};  // with kUnknown
};

// `ice`: the credentials that the server issued with the request's ufrag; null if there are none.
// `nat_discovery`: the attributes of RFC 5780 are understood.
Check examine(const stun::Message& request, const rooms::IceCredentials* ice, bool nat_discovery);

// Writes the response to `check`; returns its size, or nothing if it does not fit. `discovery` may be null.
// For kAnonymous and errors it is less than three times the request's size.
std::optional<size_t> writeResponse(const stun::Message& request, const Check& check,
                                    const net::Address& client, const rooms::IceCredentials* ice,
                                    std::string_view software, const NatDiscovery::Reply* discovery,
                                    MutableBytes out);

}  // namespace sluice::stun_turn
