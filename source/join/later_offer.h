// A later offer for an existing connection: an ICE restart (RFC 8445 section 9), or the same offer again.
// Everything but ICE stays unchanged, so that the session and its DTLS association continue (RFC 8842 section
// 3.3: a new ufrag does not begin a new association).
#pragma once

#include <optional>

#include "source/rooms/player.h"
#include "source/sdp/answer.h"

namespace sluice::join {

struct LaterAnswer {
  sdp::Agreement agreement;
  bool restarts_ice = false;  // otherwise the answer has the current credentials
};

// `fresh` is the answer that a new connection would get. Returns nothing if the offer is not for the player's
// connection, or changes more than ICE: then it is for a new connection.
//
// The offer is for the player's connection if its o= line has the same origin and a higher version (RFC 3264
// section 8), and its tls-id, if any, fingerprint, DTLS role and negotiated media sections are the same.
std::optional<LaterAnswer> answerLaterOffer(const rooms::Player& player, const sdp::Offer& offer,
                                            sdp::Local fresh);

}  // namespace sluice::join
