#include "source/sdp/offer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "source/sdp/text.h"

namespace sluice::sdp {
namespace {

constexpr size_t kMaxToken = 64;
constexpr size_t kMaxFormats = 128;
constexpr size_t kMaxSsrcs = 16;
constexpr size_t kMaxBundles = 8;
constexpr size_t kMaxFingerprints = 8;
constexpr size_t kMaxOrigin = 256;
constexpr size_t kMaxFormatValue = 256;
constexpr size_t kMaxTlsId = 255;  // RFC 8842 section 4

// True if it is printable, and short enough to be repeated in an answer.
bool isToken(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

// RFC 8445 section 5.3: ice-char.
bool isIceText(std::string_view text, size_t min, size_t max) {
  return text.size() >= min && text.size() <= max && std::ranges::all_of(text, [](char c) {
           return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
         });
}

std::optional<rooms::Fingerprint> parseFingerprint(std::string_view text) {
  rooms::Fingerprint fingerprint;
  if (text.size() != fingerprint.size() * 3 - 1) return std::nullopt;
  for (size_t i = 0; i < fingerprint.size(); ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') return std::nullopt;
    const char* digits = text.data() + i * 3;
    if (std::from_chars(digits, digits + 2, fingerprint[i], 16).ptr != digits + 2) return std::nullopt;
  }
  return fingerprint;
}

std::optional<Direction> parseDirection(std::string_view text) {
  if (text == "sendrecv") return Direction{true, true};
  if (text == "sendonly") return Direction{true, false};
  if (text == "recvonly") return Direction{false, true};
  if (text == "inactive") return Direction{false, false};
  return std::nullopt;
}

std::optional<Setup> parseSetup(std::string_view text) {
  if (text == "actpass") return Setup::kActpass;
  if (text == "active") return Setup::kActive;
  if (text == "passive") return Setup::kPassive;
  if (text == "holdconn") return Setup::kHoldconn;
  return std::nullopt;
}

// "<id>[/<direction>] <uri> ..." False when it is malformed.
bool applyExtension(std::string_view value, Inherited& target) {
  std::string_view id_text = take(value, ' ');
  const std::string_view uri = take(value, ' ');
  const bool restricted = id_text.find('/') != id_text.npos;
  unsigned id = 0;
  if (!parseNumber(take(id_text, '/'), id)) return false;
  const std::optional<Direction> direction = parseDirection(id_text);
  if (restricted && !direction) return false;
  if (id < 1 || id > 14) return true;
  const Extension extension{static_cast<uint8_t>(id), direction};
  if (uri == kMidUri) target.mid_extension = extension;
  if (uri == kAudioLevelUri) target.audio_level_extension = extension;
  if (uri == kRenderingUri) target.rendering_extension = extension;
  return true;
}

// Returns what is wrong with the attribute, or null.
const char* applyInherited(std::string_view name, std::string_view value, Inherited& target) {
  if (name == "ice-ufrag") {
    if (!isIceText(value, 4, 256)) return "must be 4 to 256 ice-chars";
    target.ice.ufrag = value;
  } else if (name == "ice-pwd") {
    if (!isIceText(value, 22, 256)) return "must be 22 to 256 ice-chars";
    target.ice.password = value;
  } else if (name == "fingerprint") {
    const std::string_view hash = take(value, ' ');
    if (!std::exchange(target.own_fingerprints, true)) target.fingerprints.clear();
    if (!equalsIgnoringCase(hash, "sha-256")) {
      target.fingerprint_hash = hash.substr(0, kMaxToken);
      return nullptr;
    }
    const auto fingerprint = parseFingerprint(value);
    if (!fingerprint) return "must be 32 hexadecimal bytes with colons";
    if (target.fingerprints.size() == kMaxFingerprints) return "too many";
    target.fingerprints.push_back(*fingerprint);
  } else if (name == "tls-id") {
    target.tls_id = value.substr(0, kMaxTlsId);
  } else if (name == "setup") {
    const std::optional<Setup> setup = parseSetup(value);
    if (!setup) return "must be actpass, active, passive or holdconn";
    target.setup = *setup;
  } else if (name == "extmap") {
    if (!applyExtension(value, target)) return "malformed";
  } else if (const std::optional<Direction> direction = parseDirection(name)) {
    target.direction = *direction;
  }
  return nullptr;
}

// Keeps a value that begins with the media section's first format. An answer repeats it, so it may hold only
// printable ASCII.
void keepFirst(const Media& media, std::string_view value, std::string& kept) {
  std::string_view rest = value;
  if (value.size() > kMaxFormatValue || take(rest, ' ') != media.formats.front()) return;
  if (std::ranges::all_of(value, [](char c) { return c >= ' ' && c < 0x7f; })) kept = value;
}

const char* applyToMedia(std::string_view name, std::string_view value, Media& media) {
  if (name == "mid") {
    if (!isToken(value)) return "must be 1 to 64 printable characters";
    media.mid = value;
  } else if (name == "rtpmap") {
    keepFirst(media, value, media.first_rtpmap);
    return media.codecs.onRtpmap(value, media.formats);
  } else if (name == "fmtp") {
    keepFirst(media, value, media.first_fmtp);
    return media.codecs.onFmtp(value);
  } else if (name == "rtcp-fb") {
    return media.codecs.onFeedback(value);
  } else if (name == "ssrc") {
    uint32_t ssrc = 0;
    if (!parseNumber(take(value, ' '), ssrc)) return "must be a number";
    if (std::ranges::find(media.ssrcs, ssrc) != media.ssrcs.end()) return nullptr;
    if (media.ssrcs.size() == kMaxSsrcs) return media.type == "audio" ? "too many" : nullptr;
    media.ssrcs.push_back(ssrc);
  } else if (name == "rtcp-mux") {
    media.rtcp_mux = true;
  } else if (name == "rtcp-rsize") {
    media.rtcp_reduced_size = true;
  } else if (name == "bundle-only") {
    media.bundle_only = true;
  } else {
    return applyInherited(name, value, media);
  }
  return nullptr;
}

const char* applyToSession(std::string_view name, std::string_view value, Offer& offer, Inherited& defaults) {
  if (name == "ice-lite") {
    offer.ice_lite = true;
  } else if (name == "group" && take(value, ' ') == "BUNDLE") {
    if (offer.bundles.size() == kMaxBundles) return "too many";
    auto& mids = offer.bundles.emplace_back();
    while (!value.empty()) {
      const std::string_view mid = take(value, ' ');
      if (mid.empty()) continue;
      if (!isToken(mid) || mids.size() == kMaxMedia) return "malformed";
      mids.emplace_back(mid);
    }
  } else {
    return applyInherited(name, value, defaults);
  }
  return nullptr;
}

// "audio 9 UDP/TLS/RTP/SAVPF 111 63"
const char* parseMediaLine(std::string_view value, Media& media) {
  media.type = take(value, ' ');
  std::string_view port = take(value, ' ');
  media.protocol = take(value, ' ');
  if (!isToken(media.type) || !isToken(media.protocol)) return "malformed";
  if (!parseNumber(take(port, '/'), media.port)) return "the port must be a number";
  while (!value.empty()) {
    const std::string_view format = take(value, ' ');
    if (format.empty()) continue;
    if (!isToken(format)) return "malformed format";
    if (media.formats.size() == kMaxFormats) return "too many formats";
    media.formats.emplace_back(format);
  }
  return media.formats.empty() ? "no formats" : nullptr;
}

// "<username> <sess-id> <sess-version> <nettype> <addrtype> <address>"; a malformed value names no
// connection.
rooms::Origin parseOrigin(std::string_view value) {
  rooms::Origin origin;
  const std::string_view username = take(value, ' ');
  const std::string_view session = take(value, ' ');
  const std::string_view version = take(value, ' ');
  if (session.empty() || value.empty() || !parseNumber(version, origin.version)) return {};
  origin.id = std::string(username) + " " + std::string(session) + " " + std::string(value);
  return origin.id.size() <= kMaxOrigin ? origin : rooms::Origin();
}

std::string fieldName(std::string_view attribute) {
  std::string name(attribute);
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace

std::string mediaPath(size_t index) {
  return "media[" + std::to_string(index) + "]";
}

Result<Offer> parseOffer(std::string_view text) {
  if (text.size() > kMaxOfferBytes) return Error{"", "the offer is too long"};
  if (!text.starts_with("v=0\r") && !text.starts_with("v=0\n")) return Error{"lines[0]", "must be v=0"};

  Offer offer;
  Inherited defaults;
  for (size_t number = 0; !text.empty(); ++number) {
    std::string_view line = take(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.size() < 2 || line[1] != '=') {
      return Error{"lines[" + std::to_string(number) + "]", "must be <type>=<value>"};
    }
    std::string_view value = line.substr(2);
    if (line[0] == 'o' && number == 1) {
      offer.origin = parseOrigin(value);
    } else if (line[0] == 'm') {
      Media& media = offer.media.emplace_back();
      static_cast<Inherited&>(media) = defaults;
      media.own_fingerprints = false;
      if (offer.media.size() > kMaxMedia) return Error{mediaPath(kMaxMedia), "too many media sections"};
      if (const char* wrong = parseMediaLine(value, media))
        return Error{mediaPath(offer.media.size() - 1), wrong};
    } else if (line[0] == 'a') {
      const std::string_view name = take(value, ':');
      const bool in_session = offer.media.empty();
      const char* wrong = in_session ? applyToSession(name, value, offer, defaults)
                                     : applyToMedia(name, value, offer.media.back());
      if (wrong) {
        const std::string part = in_session ? "session" : mediaPath(offer.media.size() - 1);
        return Error{part + "." + fieldName(name), wrong};
      }
    }
  }
  return offer;
}

}  // namespace sluice::sdp
