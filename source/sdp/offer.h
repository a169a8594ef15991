// Reads an SDP offer (RFC 8866, JSEP RFC 8829) into plain values. Unknown lines and attributes are skipped;
// all others are checked and bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/result.h"
#include "source/rooms/player.h"
#include "source/sdp/codecs.h"

namespace sluice::sdp {

constexpr size_t kMaxOfferBytes = 256 * 1024;  // a browser's audio section takes about 1 KiB
constexpr size_t kMaxMedia = 96;

constexpr std::string_view kMidUri = "urn:ietf:params:rtp-hdrext:sdes:mid";                 // RFC 9143
constexpr std::string_view kAudioLevelUri = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";  // RFC 6464
constexpr std::string_view kRenderingUri = "urn:sluice:rtp-hdrext:rendering";  // docs/audibility.md

// As the offerer sees it.
struct Direction {
  bool send = true;
  bool receive = true;
  bool operator==(const Direction&) const = default;
};

// RFC 4145 section 4.
enum class Setup { kActpass, kActive, kPassive, kHoldconn };

// A header extension (RFC 8285); id 0: not offered, or with an id that does not fit a one-byte header.
struct Extension {
  uint8_t id = 0;
  std::optional<Direction> direction;  // if the offer restricts it
};

// The attributes that a media section has, or inherits from the session.
struct Inherited {
  rooms::IceCredentials ice;                     // empty when absent
  std::vector<rooms::Fingerprint> fingerprints;  // SHA-256
  bool own_fingerprints = false;  // a media section's replace those of the session (RFC 8122 section 5)
  std::string tls_id;             // RFC 8842 section 4; empty when absent
  std::string fingerprint_hash;   // of the last a=fingerprint that is not SHA-256
  Setup setup = Setup::kActpass;
  Direction direction;
  Extension mid_extension;
  Extension audio_level_extension;
  Extension rendering_extension;
};

struct Media : Inherited {
  std::string type;  // "audio"
  uint16_t port = 0;
  std::string protocol;
  std::vector<std::string> formats;
  std::string mid;           // empty when absent
  std::string first_rtpmap;  // the values for the first format; empty when absent
  std::string first_fmtp;
  Codecs codecs;
  std::vector<uint32_t> ssrcs;  // in the order of the offer
  bool rtcp_mux = false;
  bool rtcp_reduced_size = false;
  bool bundle_only = false;

  // Port 0 means that the media section is not used, unless it is bundle-only (RFC 9143 section 6).
  bool disabled() const { return port == 0 && !bundle_only; }
};

struct Offer {
  rooms::Origin origin;  // its tls_id is the transport's, see negotiate()
  bool ice_lite = false;
  std::vector<std::vector<std::string>> bundles;  // mids
  std::vector<Media> media;
};

// Errors name the part: "lines[12]", "session.fingerprint", "media[2].ice_ufrag".
Result<Offer> parseOffer(std::string_view text);

// "media[2]"
std::string mediaPath(size_t index);

}  // namespace sluice::sdp
