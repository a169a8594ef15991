// Writes offers as a browser does, and parses answers.
#pragma once

#include <string>
#include <vector>

#include "source/base/result.h"
#include "source/crypto/certificate.h"
#include "source/net/address.h"
#include "source/rooms/player.h"

namespace sluice::load {

constexpr uint8_t kOpusPayloadType = 111;
constexpr uint8_t kAudioLevelId = 1;
constexpr uint8_t kMidId = 4;
constexpr uint8_t kRenderingId = 5;

struct OfferInput {
  rooms::IceCredentials ice;
  crypto::Fingerprint fingerprint{};
  bool talks = false;  // then the first media section, mid "0", sends
  uint32_t ssrc = 0;   // of the media section that sends
  unsigned slots = 1;  // media sections that receive
};
std::string makeOffer(const OfferInput& input);

struct Answer {
  rooms::IceCredentials ice;
  crypto::Fingerprint fingerprint{};
  net::Address candidate;
  bool server_is_passive = true;  // then the player is the DTLS client
  std::vector<uint32_t> slot_ssrcs;
  uint8_t audio_level_id = 0;  // 0: not negotiated
  uint8_t rendering_id = 0;
};
Result<Answer> readAnswer(const std::string& sdp);

}  // namespace sluice::load
