#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "source/sdp/answer.h"
#include "source/sdp/offer.h"

namespace sluice::sdp {
namespace {

std::string readData(const std::string& name) {
  std::ifstream file("test/sdp/data/" + name, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), name);
  return {std::istreambuf_iterator<char>(file), {}};
}

Local exampleLocal() {
  Local local;
  local.ice = {"locUFRAG", "localPasswordOf24Letters"};
  local.fingerprint.fill(0xab);
  local.candidates = {{"127.0.0.1", 3478}, {"2001:db8::1", 3478}};
  local.cname = "sluice";
  local.session_id = 84;
  local.next_ssrc = [next = 1000u]() mutable { return ++next; };
  return local;
}

Result<Agreement> negotiateText(std::string_view text) {
  const auto offer = parseOffer(text);
  if (!offer) return offer.errors();
  return negotiate(*offer, exampleLocal());
}

Agreement agree(std::string_view text) {
  auto agreement = negotiateText(text);
  REQUIRE_MESSAGE(agreement.ok(), (agreement.ok() ? "" : toString(agreement.errors())));
  return *std::move(agreement);
}

// The error's path for an offer that cannot be used.
std::string refusal(std::string_view text) {
  const auto agreement = negotiateText(text);
  return agreement.ok() ? "accepted" : agreement.error().path;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  REQUIRE_MESSAGE(at != text.npos, from);
  return text.replace(at, from.size(), to);
}

size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++n;
  return n;
}

const std::string kSession = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const std::string kTransport =
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\na=fingerprint:sha-256 "
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f\r\n";
const std::string kAudio = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux\r\na=rtpmap:96 opus/48000/2\r\n";

TEST_CASE("real offers get the expected answers") {
  for (const std::string name : {"chromium", "chromium_video_data", "aiortc", "gstreamer", "firefox_like"}) {
    CAPTURE(name);
    CHECK(agree(readData(name + ".sdp")).answer == readData(name + ".answer.sdp"));
  }
}

TEST_CASE("Chromium's offer: one voice and eight slots") {
  const auto negotiated = agree(readData("chromium.sdp")).negotiated;
  CHECK(negotiated.remote.ufrag == "/F6Y");
  CHECK(negotiated.remote.password == "1bNXH+KMFQaeBkbh47ckEJgT");
  CHECK(negotiated.local.ufrag == "locUFRAG");
  CHECK(negotiated.fingerprints.at(0)[0] == 0xe6);
  CHECK(negotiated.fingerprints.at(0)[31] == 0x04);
  CHECK(negotiated.dtls_role == rooms::DtlsRole::kServer);
  REQUIRE(negotiated.sending);
  CHECK(negotiated.sending->mid == "0");
  CHECK(negotiated.sending->opus_payload_type == 111);
  CHECK(negotiated.sending->extensions.mid == 4);
  CHECK(negotiated.sending->extensions.audio_level == 1);
  CHECK(negotiated.sending->ssrcs == std::vector<uint32_t>{649665481});
  REQUIRE(negotiated.slots.size() == 8);
  CHECK(negotiated.slots[0].mid == "1");
  CHECK(negotiated.slots[0].ssrc == 1001);
  CHECK(negotiated.slots[7].mid == "8");
  CHECK(negotiated.slots[7].ssrc == 1008);
  CHECK(negotiated.slots[7].opus_payload_type == 111);
}

TEST_CASE("aiortc's offer: other payload types, and other credentials in every media section") {
  const auto negotiated = agree(readData("aiortc.sdp")).negotiated;
  CHECK(negotiated.remote.ufrag == "1OWO");
  CHECK(negotiated.sending->opus_payload_type == 96);
  CHECK(negotiated.sending->extensions.mid == 1);
  CHECK(negotiated.sending->extensions.audio_level == 2);
  CHECK(negotiated.slots.size() == 3);
}

TEST_CASE(
    "GStreamer's offer: sendrecv is voice and first slot; bundle-only sections have port 0; no extensions") {
  const auto negotiated = agree(readData("gstreamer.sdp")).negotiated;
  CHECK(negotiated.remote.ufrag == "v2DvE3sx5w2ns2habWkxIH5FPbf/fMu6");
  CHECK(negotiated.sending->mid == "audio0");
  CHECK(negotiated.sending->opus_payload_type == 97);
  CHECK(negotiated.sending->extensions.mid == 0);
  REQUIRE(negotiated.slots.size() == 2);
  CHECK(negotiated.slots[0].mid == "audio0");
  CHECK(negotiated.slots[1].mid == "audio1");
}

TEST_CASE(
    "an offer like Firefox's: fingerprint of the session, credentials of the first media section only") {
  const auto negotiated = agree(readData("firefox_like.sdp")).negotiated;
  CHECK(negotiated.remote.ufrag == "f5de3c33");
  CHECK(negotiated.fingerprints.at(0)[0] == 0x1e);
  CHECK(negotiated.slots.size() == 2);
  CHECK(negotiated.slots[0].opus_payload_type == 109);
}

TEST_CASE("video and data are rejected in their places and left out of the bundle") {
  const std::string answer = agree(readData("chromium_video_data.sdp")).answer;
  CHECK(count(answer, "a=group:BUNDLE 0\r\n") == 1);
  CHECK(count(answer, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n") == 1);
  CHECK(count(answer, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n") == 1);
}

TEST_CASE("video that is first in the bundle provides its transport, and is kept as inactive") {
  const std::string video =
      "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\n"
      "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
      kTransport;
  const std::string audio =
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=rtcp-mux\r\na=sendrecv\r\n"
      "a=rtpmap:111 opus/48000/2\r\n" +
      kTransport;
  const std::string offer = kSession + "a=group:BUNDLE 0 1\r\n" + video + audio;
  const Agreement agreement = agree(offer);
  const std::string& answer = agreement.answer;
  CHECK(answer.find("a=group:BUNDLE 0 1\r\n") != answer.npos);
  const size_t first = answer.find("m=video 3478 UDP/TLS/RTP/SAVPF 96\r\n");
  const size_t second = answer.find("m=audio 3478");
  REQUIRE(first != answer.npos);
  REQUIRE(second != answer.npos);
  const std::string kept = answer.substr(first, second - first);
  for (const char* line : {"a=mid:0", "a=inactive", "a=ice-ufrag:locUFRAG", "a=setup:passive", "a=rtcp-mux",
                           "a=rtpmap:96 VP8/90000", "a=end-of-candidates"}) {
    CAPTURE(line);
    CHECK(kept.find(std::string(line) + "\r\n") != kept.npos);
  }
  CHECK(count(answer, "a=candidate:") == 2);
  CHECK(agreement.negotiated.remote.ufrag == "abcd");
  CHECK(agreement.negotiated.sending->mid == "1");
  // The format in the answer has all of its parameters.
  CHECK(agree(replaced(offer, "SAVPF 96 97", "SAVPF 97 96")).answer.find("a=fmtp:97 apt=96\r\n") !=
        answer.npos);

  // Unprintable text is not sent back.
  CHECK(agree(replaced(offer, "VP8/90000", "VP8\x01\x7f/90000")).answer.find("VP8") == answer.npos);

  // Also if the audio sections have none.
  const std::string only =
      replaced(replaced(offer, "audio 9", "audio 0"), "a=mid:1", "a=mid:1\r\na=bundle-only");
  CHECK(agree(only).answer.find("m=video 3478") != answer.npos);
  // A section that is not used, that cannot carry RTP with RTCP, or that is not the first, is rejected.
  CHECK(agree(replaced(offer, "video 9", "video 0")).answer.find("m=video 0 ") != answer.npos);
  CHECK(agree(replaced(offer, "a=rtcp-mux\r\n", "")).answer.find("m=video 0 ") != answer.npos);
  CHECK(agree(replaced(offer, "BUNDLE 0 1", "BUNDLE 1 0")).answer.find("m=video 0 ") != answer.npos);
}

TEST_CASE("an offer's origin identifies its connection and its version") {
  const auto origin = [](std::string_view line) {
    return agree("v=0\r\n" + std::string(line) + "\r\ns=-\r\nt=0 0\r\na=tls-id:0123456789abcdefghij\r\n" +
                 kAudio + kTransport)
        .origin;
  };
  const rooms::Origin first = origin("o=- 4611 2 IN IP4 127.0.0.1");
  CHECK(first.tls_id == "0123456789abcdefghij");
  CHECK(origin("o=- 4611 3 IN IP4 127.0.0.1").follows(first));
  for (const char* other :
       {"o=- 4611 2 IN IP4 127.0.0.1", "o=- 4611 1 IN IP4 127.0.0.1", "o=- 4612 3 IN IP4 127.0.0.1",
        "o=x 4611 3 IN IP4 127.0.0.1", "o=- 4611 3 IN IP4 127.0.0.2", "o=- 4611 x IN IP4 127.0.0.1", "o=-"}) {
    CAPTURE(other);
    CHECK_FALSE(origin(other).follows(first));
    CHECK_FALSE(origin("o=- 4611 9 IN IP4 127.0.0.1").follows(origin("o=-")));
  }
}

TEST_CASE("the DTLS role follows a=setup") {
  const std::string offer = kSession + kTransport + kAudio;
  CHECK(agree(offer).negotiated.dtls_role == rooms::DtlsRole::kServer);
  const auto active = agree(replaced(offer, "actpass", "active"));
  CHECK(active.negotiated.dtls_role == rooms::DtlsRole::kServer);
  CHECK(count(active.answer, "a=setup:passive\r\n") == 1);
  const auto passive = agree(replaced(offer, "actpass", "passive"));
  CHECK(passive.negotiated.dtls_role == rooms::DtlsRole::kClient);
  CHECK(count(passive.answer, "a=setup:active\r\n") == 1);
  CHECK(refusal(replaced(offer, "actpass", "holdconn")) == "media[0].setup");
}

TEST_CASE("small offers, plain line feeds, and restricted and unknown extensions are accepted") {
  CHECK(count(agree(kSession + kTransport + kAudio).answer, "a=group") == 0);
  CHECK(
      agree("v=0\na=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\n" + kAudio + kTransport).answer.size() >
      0);

  const std::string mid_uri = "urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
  const std::string level_uri = "urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
  const std::string base = kSession + kTransport + kAudio + "a=mid:x\r\n";
  const auto restricted =
      agree(base + "a=sendonly\r\na=extmap:3/recvonly " + level_uri + "a=extmap:4/sendonly " + mid_uri);
  CHECK(restricted.negotiated.sending->extensions.audio_level == 0);
  CHECK(restricted.negotiated.sending->extensions.mid == 4);
  CHECK(count(restricted.answer, "a=extmap:4/recvonly " + mid_uri) == 1);
  CHECK(agree(base + "a=extmap:15 " + level_uri).negotiated.sending->extensions.audio_level == 0);
  const auto long_mid = agree(replaced(base, "mid:x", "mid:abcdefghijklmnopq") + "a=extmap:4 " + mid_uri);
  CHECK(long_mid.negotiated.sending->extensions.mid == 0);
}

TEST_CASE("the rendering extension is negotiated for slots only") {
  const std::string extension = "a=extmap:6 urn:sluice:rtp-hdrext:rendering\r\n";
  const std::string base = kSession + kTransport + kAudio + "a=mid:x\r\n" + extension;
  const auto slot = agree(base + "a=recvonly\r\n");
  CHECK(slot.negotiated.slots.at(0).extensions.rendering == 6);
  CHECK(count(slot.answer, extension) == 1);
  const auto voice = agree(base + "a=sendonly\r\n");
  CHECK(voice.negotiated.sending->extensions.rendering == 0);
  CHECK(count(voice.answer, extension) == 0);
}

TEST_CASE("the preferred Opus payload type is the first of the media section") {
  const auto two =
      agree(kSession + kTransport +
            "m=audio 9 UDP/TLS/RTP/SAVPF 0 98 97\r\na=rtcp-mux\r\n"
            "a=rtpmap:97 OPUS/48000/2\r\na=rtpmap:98 Opus/48000/2\r\na=rtpmap:99 opus/48000/2\r\n");
  CHECK(two.negotiated.sending->opus_payload_type == 98);
}

// Chromium's offer with NACK, and the form that RTX would have.
const std::string kRepairable =
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 97\r\na=rtcp-mux\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\na=rtpmap:97 rtx/48000\r\na=fmtp:97 apt=111\r\n";

Agreement agreeWithRepair(std::string_view text, rooms::RepairFeatures repair) {
  const auto offer = parseOffer(text);
  REQUIRE(offer.ok());
  Local local = exampleLocal();
  local.repair = repair;
  auto agreement = negotiate(*offer, local);
  REQUIRE(agreement.ok());
  return *std::move(agreement);
}

TEST_CASE("NACK, RTX and RED are negotiated if the chain supports them") {
  const std::string offer = kSession + kTransport + kRepairable + "a=recvonly\r\n";
  const auto all =
      agreeWithRepair(offer, {.feedback = {.nack = true}, .rtx = true, .red = true, .red_by_default = false});
  REQUIRE(all.negotiated.slots.size() == 1);
  const rooms::Slot& slot = all.negotiated.slots[0];
  CHECK(slot.feedback.nack);
  CHECK(slot.red_payload_type == 63);
  CHECK(slot.rtx_payload_type == 97);
  CHECK(slot.rtx_ssrc == slot.ssrc + 1);
  CHECK(count(all.answer, "m=audio 3478 UDP/TLS/RTP/SAVPF 111 63 97\r\n") == 1);
  CHECK(count(all.answer, "a=rtcp-fb:111 nack\r\n") == 1);
  CHECK(count(all.answer, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n") == 1);
  CHECK(count(all.answer, "a=rtpmap:97 rtx/48000\r\na=fmtp:97 apt=111\r\n") == 1);
  CHECK(count(all.answer, "a=ssrc-group:FID 1001 1002\r\n") == 1);

  const auto nothing = agreeWithRepair(offer, {});
  CHECK_FALSE(nothing.negotiated.slots[0].feedback.nack);
  CHECK(nothing.negotiated.slots[0].red_payload_type == 0);
  CHECK(nothing.negotiated.slots[0].rtx_payload_type == 0);
  CHECK(count(nothing.answer, "m=audio 3478 UDP/TLS/RTP/SAVPF 111\r\n") == 1);
  CHECK(count(nothing.answer, "nack") == 0);

  const auto not_offered =
      agreeWithRepair(kSession + kTransport + kAudio,
                      {.feedback = {.nack = true}, .rtx = true, .red = true, .red_by_default = true});
  CHECK_FALSE(not_offered.negotiated.sending->feedback.nack);
  CHECK(not_offered.negotiated.sending->red_payload_type == 0);
}

TEST_CASE("RTCP feedback on bit rates is negotiated if the player speaks") {
  const std::string lines =
      kSession + kTransport + kRepairable + "a=rtcp-fb:* goog-remb\r\na=rtcp-fb:111 ccm tmmbr smaxpr=120\r\n";
  const rooms::RepairFeatures features{.feedback = {.remb = true, .tmmbr = true}};
  const auto speaker = agreeWithRepair(lines + "a=sendonly\r\n", features);
  CHECK(speaker.negotiated.sending->feedback == features.feedback);
  CHECK(count(speaker.answer, "a=rtcp-fb:111 goog-remb\r\na=rtcp-fb:111 ccm tmmbr\r\n") == 1);
  CHECK(count(agreeWithRepair(lines + "a=recvonly\r\n", features).answer, "rtcp-fb") == 0);
  CHECK(count(agreeWithRepair(lines + "a=sendonly\r\n", {}).answer, "rtcp-fb") == 0);
}

TEST_CASE("a speaker sends RED if the answer prefers it") {
  const std::string offer = kSession + kTransport + kRepairable + "a=sendonly\r\n";
  const auto preferred =
      agreeWithRepair(offer, {.feedback = {.nack = true}, .rtx = false, .red = true, .red_by_default = true});
  CHECK(preferred.negotiated.sending->red_payload_type == 63);
  CHECK(count(preferred.answer, "m=audio 3478 UDP/TLS/RTP/SAVPF 63 111\r\n") == 1);
  const auto allowed = agreeWithRepair(
      offer, {.feedback = {.nack = true}, .rtx = false, .red = true, .red_by_default = false});
  CHECK(allowed.negotiated.sending->red_payload_type == 0);
  CHECK(allowed.negotiated.sending->feedback.nack);
  CHECK(count(allowed.answer, "m=audio 3478 UDP/TLS/RTP/SAVPF 111\r\n") == 1);
}

TEST_CASE("repair that belongs to another codec, or to an invalid payload type, is ignored") {
  const auto agreed = [](const std::string& lines) {
    const auto agreement = agreeWithRepair(
        kSession + kTransport +
            "m=audio 9 UDP/TLS/RTP/SAVPF 96 63 72 300\r\na=rtcp-mux\r\na=rtpmap:96 opus/48000/2\r\n" + lines +
            "a=recvonly\r\n",
        {.feedback = {.nack = true}, .rtx = true, .red = true, .red_by_default = false});
    return static_cast<rooms::AudioSection>(agreement.negotiated.slots.at(0));
  };
  CHECK(agreed("a=rtpmap:63 red/48000/2\r\na=fmtp:63 0/0\r\n").red_payload_type == 0);
  CHECK(agreed("a=rtpmap:63 red/48000/2\r\n").red_payload_type == 0);
  CHECK(agreed("a=rtpmap:63 red/8000\r\na=fmtp:63 96/96\r\n").red_payload_type == 0);
  CHECK(agreed("a=rtpmap:72 red/48000/2\r\na=fmtp:72 96/96\r\n").red_payload_type == 0);
  CHECK_FALSE(agreed("a=rtcp-fb:96 nack pli\r\na=rtcp-fb:0 nack\r\na=rtcp-fb:300 nack\r\n").feedback.nack);
  CHECK(agreed("a=rtcp-fb:* nack\r\n").feedback.nack);
}

std::string fingerprintLine(char digit) {
  std::string line = "a=fingerprint:SHA-256 ";
  for (int i = 0; i < 32; ++i) line += std::string(i == 0 ? "" : ":") + "0" + digit;
  return line + "\r\n";
}

TEST_CASE("an offer may name several fingerprints, and those of a media section replace the session's") {
  const std::string offer = kSession + fingerprintLine('7') + kAudio + kTransport;
  CHECK(agree(offer).negotiated.fingerprints.size() == 1);
  const auto both =
      agree(offer + fingerprintLine('1') + "a=fingerprint:sha-512 00\r\n" + fingerprintLine('2'));
  REQUIRE(both.negotiated.fingerprints.size() == 3);
  CHECK(both.negotiated.fingerprints[1][31] == 1);
  CHECK(both.negotiated.fingerprints[2][31] == 2);
  const std::string without = replaced(kTransport, "a=fingerprint:sha-256 ", "a=x-was:");
  const auto inherited = agree(kSession + fingerprintLine('7') + fingerprintLine('8') + kAudio + without);
  REQUIRE(inherited.negotiated.fingerprints.size() == 2);
  CHECK(inherited.negotiated.fingerprints[0][0] == 7);
  std::string many = offer;
  for (int i = 0; i < 8; ++i) many += fingerprintLine('3');
  CHECK(refusal(many) == "media[0].fingerprint");
}

TEST_CASE("parameters of a format may be in any order (RFC 4588 section 8.1)") {
  for (const char* parameters :
       {"apt=96", "apt=96;rtx-time=3000", "rtx-time=3000;apt=96", "rtx-time=3000; apt=96"}) {
    CAPTURE(parameters);
    const std::string rtx = "a=rtpmap:97 rtx/48000/2\r\na=fmtp:97 " + std::string(parameters) + "\r\n";
    const auto offer =
        sdp::parseOffer(kSession + replaced(kAudio, "SAVPF 96", "SAVPF 96 97") + rtx + kTransport);
    REQUIRE(offer.ok());
    CHECK(offer->media[0].codecs.rtx(96) == 97);
  }
}

TEST_CASE("attributes may be in any order, and unknown ones are ignored") {
  // rtcp-fb and fmtp before the rtpmap that they are about; the mid last; direction twice, the last one
  // counts.
  const std::string audio =
      "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-fb:96 nack\r\na=fmtp:96 useinbandfec=1\r\na=inactive\r\n" +
      kTransport + "a=rtpmap:96 OPUS/48000/2\r\na=rtcp-mux\r\na=sendonly\r\na=mid:v\r\n";
  const auto agreement = agree(kSession + audio);
  REQUIRE(agreement.negotiated.sending);
  CHECK(agreement.negotiated.sending->mid == "v");
  CHECK(agreement.negotiated.slots.empty());
  // A video section with more SSRCs than a voice may have does not matter.
  std::string video = "m=video 0 UDP/TLS/RTP/SAVPF 100\r\na=rtpmap:100 VP8/90000\r\n";
  for (int i = 1; i <= 40; ++i) video += "a=ssrc:" + std::to_string(i) + " cname:x\r\n";
  CHECK(agree(kSession + audio + video).negotiated.sending);
}

TEST_CASE(
    "further sendrecv sections are slots, inactive sections stay inactive, a second sendonly section is an "
    "error") {
  const std::string bundle = kSession + "a=group:BUNDLE a b c\r\n" + kTransport;
  const auto line = [](const std::string& mid, const std::string& direction) {
    return kAudio + "a=mid:" + mid + "\r\na=" + direction + "\r\n";
  };
  const auto more = agree(bundle + line("a", "sendonly") + line("b", "sendrecv") + line("c", "inactive"));
  CHECK(more.negotiated.sending->mid == "a");
  REQUIRE(more.negotiated.slots.size() == 1);
  CHECK(more.negotiated.slots[0].mid == "b");
  CHECK(count(more.answer, "a=recvonly\r\n") == 1);
  CHECK(count(more.answer, "a=sendonly\r\n") == 1);
  CHECK(count(more.answer, "a=inactive\r\n") == 1);
  CHECK(count(more.answer, "a=candidate:") == 2);
  CHECK(refusal(bundle + line("a", "sendonly") + line("b", "sendonly")) == "media[1].direction");
  CHECK(refusal(bundle + line("a", "inactive")) == "media");
}

TEST_CASE("unusable offers are named") {
  const std::string good = kSession + kTransport + kAudio;
  const std::string bundle = kSession + "a=group:BUNDLE a\r\n" + kTransport + kAudio + "a=mid:a\r\n" + kAudio;
  struct Case {
    std::string offer;
    const char* path;
  };
  const Case cases[] = {
      {"", "lines[0]"},
      {"hello", "lines[0]"},
      {"v=0\r\nnonsense\r\n", "lines[1]"},
      {kSession, "media"},
      {kSession + "m=audio\r\n", "media[0]"},
      {kSession + "m=audio 70000 RTP/SAVPF 0\r\n", "media[0]"},
      {kSession + "m=audio 9 RTP/SAVPF\r\n", "media[0]"},
      {kSession + kTransport + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "media"},
      {kSession + kAudio, "media[0].ice_ufrag"},
      {kSession + "a=ice-ufrag:abcd\r\n" + kAudio, "media[0].ice_pwd"},
      {replaced(good, "ufrag:abcd", "ufrag:abc"), "session.ice_ufrag"},
      {replaced(good, "ufrag:abcd", "ufrag:ab d"), "session.ice_ufrag"},
      {replaced(good, "pwd:a", "pwd:"), "session.ice_pwd"},
      {replaced(good, "sha-256", "sha-1"), "media[0].fingerprint"},
      {replaced(good, "00:01", "00-01"), "session.fingerprint"},
      {replaced(good, "00:01", "0x:01"), "session.fingerprint"},
      {replaced(good, "setup:actpass", "setup:maybe"), "session.setup"},
      {replaced(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP"), "media[0]"},
      {replaced(good, "opus/48000/2", "opus/48000/1"), "media[0].rtpmap"},
      {replaced(replaced(good, "SAVPF 96", "SAVPF 72"), "rtpmap:96", "rtpmap:72"), "media[0].rtpmap"},
      {replaced(good, "rtpmap:96", "rtpmap:128"), "media[0].rtpmap"},
      {replaced(good, "a=rtcp-mux\r\n", ""), "media[0].rtcp_mux"},
      {replaced(good, "s=-\r\n", "s=-\r\na=ice-lite\r\n"), "session.ice_lite"},
      {good + "a=ssrc:x cname:y\r\n", "media[0].ssrc"},
      {good + "a=extmap:x y\r\n", "media[0].extmap"},
      {good + "a=mid:\r\n", "media[0].mid"},
      {good + kAudio, "media[1].mid"},
      {bundle + "a=mid:b\r\n", "media[1].mid"},
      {bundle + "a=mid:a\r\n", "media[1].mid"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.offer);
    CHECK(refusal(c.offer) == c.path);
  }
  CHECK(negotiateText(replaced(good, "sha-256", "sha-1")).error().message == "must be sha-256, not sha-1");
}

TEST_CASE("an offer has limits") {
  CHECK(refusal(kSession + std::string(kMaxOfferBytes, ' ')) == "");
  std::string many = kSession;
  for (size_t i = 0; i <= kMaxMedia; ++i) many += "m=video 0 x 1\r\n";
  CHECK(refusal(many) == "media[96]");

  std::string mids, lines;
  for (size_t i = 0; i <= kMaxSlots; ++i) {
    mids += " " + std::to_string(i);
    lines += kAudio + "a=recvonly\r\na=mid:" + std::to_string(i) + "\r\n";
  }
  CHECK(refusal(kSession + "a=group:BUNDLE" + mids + "\r\n" + kTransport + lines) == "media[64]");

  std::string ssrcs;
  for (int i = 0; i < 17; ++i) ssrcs += "a=ssrc:" + std::to_string(i) + " cname:c\r\n";
  CHECK(refusal(kSession + kTransport + kAudio + ssrcs) == "media[0].ssrc");
}

}  // namespace
}  // namespace sluice::sdp
