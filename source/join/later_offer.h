// A later offer of a connection that the server has already: an ICE restart (RFC 8445 section 9), or the same
// offer again. Everything but ICE stays as it is, so that the session and its DTLS association go on (RFC
// 8842 section 3.3: a new ufrag begins no new association).
#pragma once

#include <optional>

#include "source/rooms/player.h"
#include "source/sdp/answer.h"

namespace sluice::join {

struct LaterAnswer {
  sdp::Agreement agreement;
  bool restarts_ice = false;  // else the credentials of the connection are in the answer
};

// `fresh` is what a new connection would be answered with. Nothing when the offer is not one of the player's
// connection, or changes more than ICE: then it is for a new connection.
//
// An offer is the connection's when its o= line has the same origin and a higher version (RFC 3264 section
// 8), its tls-id is the same, if any, and so are the fingerprint, the DTLS role and the lines that we agreed
// on.
std::optional<LaterAnswer> answerLaterOffer(const rooms::Player& player, const sdp::Offer& offer,
                                            sdp::Local fresh);

}  // namespace sluice::join
