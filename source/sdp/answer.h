// Decides which parts of an offer are used and writes the answer (JSEP RFC 8829 section 5.3, BUNDLE RFC 9143,
// ICE-lite).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "source/base/result.h"
#include "source/rooms/player.h"
#include "source/sdp/offer.h"

namespace sluice::sdp {

constexpr size_t kMaxSlots = 64;

// An address at which clients can reach us.
struct Candidate {
  std::string ip;
  uint16_t port = 0;
};

// Our side of one connection.
struct Local {
  rooms::IceCredentials ice;
  rooms::Fingerprint fingerprint{};   // of our certificate
  std::vector<Candidate> candidates;  // at least one, best first
  std::string cname;
  uint64_t session_id = 0;
  uint64_t session_version = 1;
  std::function<uint32_t()> next_ssrc;  // for each slot and its RTX; unique, not 0
  rooms::RepairFeatures repair{};       // what may be negotiated, if it was offered
};

struct Agreement {
  rooms::Negotiated negotiated;
  rooms::Origin origin;  // of the offer
  std::string answer;
};

// Errors name the part of the offer that cannot be used: "media[1].fingerprint". Rules for an offer:
// - media sections other than audio are rejected, except the first of the bundle if the bundle uses its
//   transport: it is inactive in the answer if it is an RTP section;
// - one audio section that sends is the player's voice; further sendrecv sections are slots in the answer;
// - every audio section that receives is a slot;
// - all audio sections must be in one bundle.
Result<Agreement> negotiate(const Offer& offer, const Local& local);

}  // namespace sluice::sdp
