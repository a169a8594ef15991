#include "source/load/signalling.h"

#include <sstream>

#include "source/sdp/offer.h"

namespace sluice::load {
namespace {

void writeLine(std::ostringstream& out, unsigned mid, bool sends, const OfferInput& input) {
  out << "m=audio 9 UDP/TLS/RTP/SAVPF " << unsigned{kOpusPayloadType} << "\r\n"
      << "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
      << "a=ice-ufrag:" << input.ice.ufrag << "\r\na=ice-pwd:" << input.ice.password
      << "\r\na=ice-options:trickle\r\n"
      << "a=fingerprint:sha-256 " << toText(input.fingerprint) << "\r\na=setup:actpass\r\n"
      << "a=mid:" << mid << "\r\n"
      << "a=extmap:" << unsigned{kAudioLevelId} << ' ' << sdp::kAudioLevelUri << "\r\n"
      << "a=extmap:" << unsigned{kMidId} << ' ' << sdp::kMidUri << "\r\n"
      << (sends ? "a=sendonly\r\n" : "a=recvonly\r\n") << "a=rtcp-mux\r\na=rtcp-rsize\r\n"
      << "a=rtpmap:" << unsigned{kOpusPayloadType} << " opus/48000/2\r\n"
      << "a=fmtp:" << unsigned{kOpusPayloadType} << " minptime=10;useinbandfec=1\r\n";
  if (!sends) {
    out << "a=rtcp-fb:" << unsigned{kOpusPayloadType} << " nack\r\n"
        << "a=extmap:" << unsigned{kRenderingId} << ' ' << sdp::kRenderingUri << "\r\n";
  }
  if (sends) out << "a=msid:- voice\r\na=ssrc:" << input.ssrc << " cname:" << input.ice.ufrag << "\r\n";
}

// The first candidate's address: "a=candidate:1 1 udp 2130706431 127.0.0.1 3478 typ host" (RFC 8839
// section 5.1).
net::Address findCandidate(const std::string& sdp) {
  const size_t at = sdp.find("a=candidate:");
  if (at == std::string::npos) return {};
  std::istringstream line(sdp.substr(at));
  std::string foundation, component, transport, priority, ip;
  unsigned port = 0;
  line >> foundation >> component >> transport >> priority >> ip >> port;
  const auto address = net::Address::parseIp(ip, static_cast<uint16_t>(port));
  return address.ok() ? *address : net::Address();
}

}  // namespace

std::string makeOffer(const OfferInput& input) {
  const unsigned lines = input.slots + (input.talks ? 1 : 0);
  std::ostringstream out;
  out << "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE";
  for (unsigned mid = 0; mid < lines; ++mid) out << ' ' << mid;
  out << "\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n";
  for (unsigned mid = 0; mid < lines; ++mid) writeLine(out, mid, input.talks && mid == 0, input);
  return out.str();
}

Result<Answer> readAnswer(const std::string& sdp) {
  auto parsed = sdp::parseOffer(sdp);
  if (!parsed.ok()) return parsed.error();
  if (parsed->media.empty()) return Error{"answer", "has no media"};
  const sdp::Media& first = parsed->media.front();
  Answer answer;
  answer.ice = first.ice;
  if (first.fingerprints.empty()) return Error{"answer", "has no SHA-256 fingerprint"};
  answer.fingerprint = first.fingerprints.front();
  answer.server_is_passive = first.setup != sdp::Setup::kActive;
  answer.audio_level_id = first.audio_level_extension.id;
  answer.candidate = findCandidate(sdp);
  if (!answer.candidate.isSet()) return Error{"answer", "has no candidate"};
  for (const sdp::Media& media : parsed->media) {
    if (!media.direction.send || media.ssrcs.empty()) continue;
    answer.slot_ssrcs.push_back(media.ssrcs.front());
    answer.rendering_id = media.rendering_extension.id;
  }
  return answer;
}

}  // namespace sluice::load
