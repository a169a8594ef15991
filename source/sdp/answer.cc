#include "source/sdp/answer.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sluice::sdp {
namespace {

// A longer mid does not fit a one-byte header extension (RFC 8285 section 4.2).
constexpr size_t kMaxMidInPacket = 16;

// The answer to one media section of the offer.
struct Line {
  const Media* media;
  bool accepted = false;
  bool lends_transport = false;  // not accepted, but the rest of the bundle has no other transport
  bool we_receive = false;       // it carries the player's voice
  bool we_send = false;          // it is a slot
  rooms::AudioSection agreed{};
  uint32_t slot_ssrc = 0;
  uint32_t slot_rtx_ssrc = 0;
};

bool isSupportedProtocol(std::string_view protocol) {
  return protocol == "UDP/TLS/RTP/SAVPF" || protocol == "UDP/TLS/RTP/SAVP" || protocol == "RTP/SAVPF" ||
         protocol == "RTP/SAVP";
}

// The transport of the whole bundle: that of the tagged media section. A bundle-only section may leave it to
// another section of the bundle (RFC 9143 section 7.1.3).
const Media& transportOf(const Media& tagged, const Offer& offer, const std::vector<std::string>& bundle) {
  if (!tagged.ice.ufrag.empty()) return tagged;
  for (const Media& media : offer.media) {
    if (!media.ice.ufrag.empty() && std::ranges::find(bundle, media.mid) != bundle.end()) return media;
  }
  return tagged;
}

std::optional<Error> checkTransport(const Media& transport, const std::string& path) {
  if (transport.ice.ufrag.empty()) return Error{path + ".ice_ufrag", "missing"};
  if (transport.ice.password.empty()) return Error{path + ".ice_pwd", "missing"};
  if (transport.fingerprints.empty()) {
    return Error{path + ".fingerprint", transport.fingerprint_hash.empty()
                                            ? "missing"
                                            : "must be sha-256, not " + transport.fingerprint_hash};
  }
  if (transport.setup == Setup::kHoldconn) return Error{path + ".setup", "holdconn is not supported"};
  return std::nullopt;
}

// The extension's id, or 0 if the offer does not allow it in the section's directions.
uint8_t extensionId(const Extension& extension, const Line& line) {
  if (!extension.direction) return extension.id;
  if (line.we_receive && !extension.direction->send) return 0;
  if (line.we_send && !extension.direction->receive) return 0;
  return extension.id;
}

rooms::AudioSection agree(const Line& line, const rooms::RepairFeatures& repair) {
  const Media& media = *line.media;
  rooms::AudioSection agreed;
  agreed.mid = media.mid;
  const uint8_t opus = agreed.opus_payload_type = *media.codecs.opus();
  agreed.feedback = repair.feedback & media.codecs.feedback(opus);
  if (!line.we_receive)
    agreed.feedback.remb = agreed.feedback.tmmbr = false;  // only for streams that clients send
  if (repair.rtx && agreed.feedback.nack) agreed.rtx_payload_type = media.codecs.rtx(opus);
  // A media section that only carries a speaker gets RED only if speakers send it by default.
  if (line.we_send ? repair.red : repair.red_by_default) agreed.red_payload_type = media.codecs.red(opus);
  if (!media.mid.empty() && media.mid.size() <= kMaxMidInPacket) {
    agreed.extensions.mid = extensionId(media.mid_extension, line);
  }
  agreed.extensions.audio_level = extensionId(media.audio_level_extension, line);
  if (line.we_send) agreed.extensions.rendering = extensionId(media.rendering_extension, line);
  return agreed;
}

std::string_view directionName(bool send, bool receive) {
  if (send) return receive ? "sendrecv" : "sendonly";
  return receive ? "recvonly" : "inactive";
}

// Writes an SDP line by line.
class Writer {
 public:
  template <typename... Parts>
  void line(const Parts&... parts) {
    ((text_ += part(parts)), ...);
    text_ += "\r\n";
  }

  std::string take() { return std::move(text_); }

 private:
  static std::string_view part(std::string_view text) { return text; }
  template <typename Number>
  requires std::is_integral_v<Number>
  static std::string part(Number number) { return std::to_string(number); }

  std::string text_;
};

void writeExtension(Writer& out, const Extension& offered, uint8_t id, std::string_view uri) {
  if (id == 0) return;
  if (!offered.direction) return out.line("a=extmap:", id, " ", uri);
  out.line("a=extmap:", id, "/", directionName(offered.direction->receive, offered.direction->send), " ",
           uri);
}

void writeRejected(Writer& out, const Media& media) {
  out.line("m=", media.type, " 0 ", media.protocol, " ", media.formats.front());
  out.line("c=IN IP4 0.0.0.0");
  if (!media.mid.empty()) out.line("a=mid:", media.mid);
  out.line("a=inactive");
}

void writeCandidates(Writer& out, const std::vector<Candidate>& candidates) {
  for (size_t i = 0; i < candidates.size(); ++i) {
    // RFC 8445 section 5.1.2.1: host type, component 1.
    const uint32_t priority = 126u << 24 | static_cast<uint32_t>(65535 - i) << 8 | 255u;
    out.line("a=candidate:", i + 1, " 1 udp ", priority, " ", candidates[i].ip, " ", candidates[i].port,
             " typ host");
  }
  out.line("a=end-of-candidates");
}

// The formats of the media section, the preferred one first.
std::string formatList(const Line& line, const rooms::RepairFeatures& repair) {
  const rooms::AudioSection& agreed = line.agreed;
  std::string list = std::to_string(agreed.opus_payload_type);
  if (agreed.red_payload_type != 0) {
    const std::string red = std::to_string(agreed.red_payload_type);
    list = line.we_receive && repair.red_by_default ? red + " " + list : list + " " + red;
  }
  if (agreed.rtx_payload_type != 0) list += " " + std::to_string(agreed.rtx_payload_type);
  return list;
}

void writeFormats(Writer& out, const rooms::AudioSection& agreed) {
  const unsigned opus = agreed.opus_payload_type;
  const unsigned red = agreed.red_payload_type;
  const unsigned rtx = agreed.rtx_payload_type;
  out.line("a=rtpmap:", opus, " opus/48000/2");
  out.line("a=fmtp:", opus, " minptime=10;useinbandfec=1");
  if (agreed.feedback.nack) out.line("a=rtcp-fb:", opus, " nack");
  if (agreed.feedback.remb) out.line("a=rtcp-fb:", opus, " goog-remb");
  if (agreed.feedback.tmmbr) out.line("a=rtcp-fb:", opus, " ccm tmmbr");
  if (red != 0) {
    out.line("a=rtpmap:", red, " red/48000/2");
    out.line("a=fmtp:", red, " ", opus, "/", opus);
  }
  if (rtx != 0) {
    out.line("a=rtpmap:", rtx, " rtx/48000");
    out.line("a=fmtp:", rtx, " apt=", opus);
  }
}

// Writes the beginning of a media section that is not rejected, with the server's transport. Its direction is
// inactive unless it is accepted.
void writeTransport(Writer& out, const Line& line, std::string_view formats, const Local& local,
                    rooms::DtlsRole role, bool tagged) {
  const Media& media = *line.media;
  const Candidate& best = local.candidates.front();
  const bool ipv6 = best.ip.find(':') != best.ip.npos;
  out.line("m=", media.type, " ", best.port, " ", media.protocol, " ", formats);
  out.line("c=IN ", ipv6 ? "IP6 " : "IP4 ", best.ip);
  if (!media.mid.empty()) out.line("a=mid:", media.mid);
  out.line("a=", directionName(line.we_send, line.we_receive));
  out.line("a=ice-ufrag:", local.ice.ufrag);
  out.line("a=ice-pwd:", local.ice.password);
  out.line("a=fingerprint:sha-256 ", toText(local.fingerprint));
  out.line("a=setup:", role == rooms::DtlsRole::kServer ? "passive" : "active");
  if (tagged) writeCandidates(out, local.candidates);
  out.line("a=rtcp-mux");
}

void writeInactive(Writer& out, const Line& line, const Local& local, rooms::DtlsRole role) {
  const Media& media = *line.media;
  writeTransport(out, line, media.formats.front(), local, role, true);
  if (!media.first_rtpmap.empty()) out.line("a=rtpmap:", media.first_rtpmap);
  if (!media.first_fmtp.empty()) out.line("a=fmtp:", media.first_fmtp);
}

void writeAccepted(Writer& out, const Line& line, const Local& local, rooms::DtlsRole role, bool tagged) {
  const Media& media = *line.media;
  writeTransport(out, line, formatList(line, local.repair), local, role, tagged);
  if (media.rtcp_reduced_size) out.line("a=rtcp-rsize");
  writeFormats(out, line.agreed);
  out.line("a=ptime:20");
  writeExtension(out, media.mid_extension, line.agreed.extensions.mid, kMidUri);
  writeExtension(out, media.audio_level_extension, line.agreed.extensions.audio_level, kAudioLevelUri);
  writeExtension(out, media.rendering_extension, line.agreed.extensions.rendering, kRenderingUri);
  if (line.we_send) {
    out.line("a=msid:slot", line.slot_ssrc, " audio", line.slot_ssrc);
    out.line("a=ssrc:", line.slot_ssrc, " cname:", local.cname);
    if (line.slot_rtx_ssrc != 0) {
      out.line("a=ssrc:", line.slot_rtx_ssrc, " cname:", local.cname);
      out.line("a=ssrc-group:FID ", line.slot_ssrc, " ", line.slot_rtx_ssrc);  // RFC 5576
    }
  }
}

std::string writeAnswer(const Offer& offer, const std::vector<Line>& lines, const Local& local,
                        rooms::DtlsRole role) {
  Writer out;
  out.line("v=0");
  out.line("o=- ", local.session_id >> 1, " ", local.session_version, " IN IP4 127.0.0.1");
  out.line("s=-");
  out.line("t=0 0");
  out.line("a=ice-lite");
  if (!offer.bundles.empty()) {
    std::string mids;
    for (const Line& line : lines) {
      if (!line.accepted && !line.lends_transport) continue;
      if (!line.media->mid.empty()) mids += " " + line.media->mid;
    }
    out.line("a=group:BUNDLE", mids);
  }
  bool tagged = true;  // the first section that is not rejected provides the transport of the bundle
  for (const Line& line : lines) {
    if (line.accepted) {
      writeAccepted(out, line, local, role, tagged);
    } else if (line.lends_transport) {
      writeInactive(out, line, local, role);
    } else {
      writeRejected(out, *line.media);
      continue;
    }
    tagged = false;
  }
  return out.take();
}

// Chooses the media sections and their directions, or returns the first error.
Result<std::vector<Line>> chooseLines(const Offer& offer, const rooms::RepairFeatures& repair) {
  std::vector<Line> lines;
  bool has_voice = false;
  size_t slots = 0;
  for (size_t i = 0; i < offer.media.size(); ++i) {
    const Media& media = offer.media[i];
    Line& line = lines.emplace_back(Line{.media = &media});
    if (media.type != "audio" || media.disabled()) continue;
    const std::string path = mediaPath(i);
    if (!isSupportedProtocol(media.protocol)) return Error{path, "unsupported protocol " + media.protocol};
    if (!media.codecs.opus()) return Error{path + ".rtpmap", "opus/48000/2 is required"};
    if (!media.rtcp_mux) return Error{path + ".rtcp_mux", "required"};
    if (media.direction.send && has_voice && !media.direction.receive) {
      return Error{path + ".direction", "only one media section may send"};
    }
    line.accepted = true;
    line.we_receive = media.direction.send && !has_voice;
    line.we_send = media.direction.receive;
    has_voice |= line.we_receive;
    slots += line.we_send;
    if (slots > kMaxSlots)
      return Error{path, "more than " + std::to_string(kMaxSlots) + " media sections receive"};
    line.agreed = agree(line, repair);
  }
  if (!has_voice && slots == 0) return Error{"media", "no audio media section that sends or receives"};
  return lines;
}

// The mids of the bundle that contains every accepted media section; empty if there is one section and no
// bundle.
Result<std::vector<std::string>> findBundle(const Offer& offer, const std::vector<Line>& lines) {
  const auto first = std::ranges::find(lines, true, &Line::accepted);
  std::vector<std::string> bundle;
  for (const auto& mids : offer.bundles) {
    if (std::ranges::find(mids, first->media->mid) != mids.end()) bundle = mids;
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& mid = lines[i].media->mid;
    if (!mid.empty() && !seen.insert(mid).second) return Error{mediaPath(i) + ".mid", "used twice"};
    if (!lines[i].accepted || &lines[i] == &*first) continue;
    if (mid.empty() || std::ranges::find(bundle, mid) == bundle.end()) {
      return Error{mediaPath(i) + ".mid", "must be in one BUNDLE group with the other audio media sections"};
    }
  }
  return bundle;
}

// The media section whose transport the bundle uses: the one that the offerer tagged, the first of the group,
// unless the answer rejects it (RFC 9143 section 7.3.1). With max-bundle, Chromium has no other transport and
// refuses an answer that rejects this section. So a section that is not audio but otherwise usable is kept as
// inactive.
const Media& tagLine(std::vector<Line>& lines, const std::vector<std::string>& bundle) {
  const auto first = std::ranges::find(lines, true, &Line::accepted);
  if (bundle.empty()) return *first->media;
  const auto offerers =
      std::find_if(lines.begin(), first, [&](const Line& line) { return line.media->mid == bundle.front(); });
  if (offerers == first) return *first->media;
  const Media& media = *offerers->media;
  if (media.port == 0 || !media.rtcp_mux || !isSupportedProtocol(media.protocol)) return *first->media;
  offerers->lends_transport = true;
  return media;
}

}  // namespace

Result<Agreement> negotiate(const Offer& offer, const Local& local) {
  if (offer.ice_lite)
    return Error{"session.ice_lite", "one side must be a full ICE agent, and this server is ICE-lite"};
  auto lines = chooseLines(offer, local.repair);
  if (!lines) return lines.errors();
  const auto bundle = findBundle(offer, *lines);
  if (!bundle) return bundle.errors();

  const Media& transport = transportOf(tagLine(*lines, *bundle), offer, *bundle);
  const std::string path = mediaPath(static_cast<size_t>(&transport - offer.media.data()));
  if (const auto error = checkTransport(transport, path)) return *error;

  Agreement agreement;
  rooms::Negotiated& negotiated = agreement.negotiated;
  agreement.origin = offer.origin;
  agreement.origin.tls_id = transport.tls_id;
  negotiated.local = local.ice;
  negotiated.remote = transport.ice;
  negotiated.fingerprints = transport.fingerprints;
  negotiated.cname = local.cname;
  // RFC 5763 section 5: we let the client begin wherever it may.
  negotiated.dtls_role =
      transport.setup == Setup::kPassive ? rooms::DtlsRole::kClient : rooms::DtlsRole::kServer;
  for (Line& line : *lines) {
    if (line.we_receive) negotiated.sending = rooms::SendingSection{line.agreed, line.media->ssrcs};
    if (!line.we_send) continue;
    line.slot_ssrc = local.next_ssrc();
    if (line.agreed.rtx_payload_type != 0) line.slot_rtx_ssrc = local.next_ssrc();
    negotiated.slots.push_back(rooms::Slot{line.agreed, line.slot_ssrc, line.slot_rtx_ssrc});
  }
  agreement.answer = writeAnswer(offer, *lines, local, negotiated.dtls_role);
  return agreement;
}

}  // namespace sluice::sdp
