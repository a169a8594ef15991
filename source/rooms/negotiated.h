// The result of signalling with a player: keys, media sections and loss repair.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/base/dtls_parameters.h"

namespace sluice::rooms {

// RFC 8445 section 5.3.
struct IceCredentials {
  std::string ufrag;
  std::string password;
  void archive(Archive& a) { a(ufrag, password); }
  friend bool operator==(const IceCredentials&, const IceCredentials&) = default;
};

using sluice::DtlsRole;
using sluice::Fingerprint;

// Header-extension ids of RFC 8285, 1-14; 0 means not negotiated.
struct ExtensionIds {
  uint8_t mid = 0;
  uint8_t audio_level = 0;
  uint8_t rendering = 0;  // source/codec/rendering_extension.h; slots only
  void archive(Archive& a) { a(mid, audio_level, rendering); }
  friend bool operator==(const ExtensionIds&, const ExtensionIds&) = default;
};

// RTCP feedback that the sender of a media section supports.
struct Feedback {
  bool nack = false;   // RFC 4585 section 6.2.1: lost packets are retransmitted
  bool remb = false;   // draft-alvestrand-rmcat-remb: a bit rate
  bool tmmbr = false;  // RFC 5104 section 4.2.1: a bit rate

  void archive(Archive& a) { a(nack, remb, tmmbr); }
  friend bool operator==(const Feedback&, const Feedback&) = default;
  friend Feedback operator|(const Feedback& a, const Feedback& b) {
    return {a.nack || b.nack, a.remb || b.remb, a.tmmbr || b.tmmbr};
  }
  friend Feedback operator&(const Feedback& a, const Feedback& b) {
    return {a.nack && b.nack, a.remb && b.remb, a.tmmbr && b.tmmbr};
  }
};

// The part of an audio media section that is common to both directions.
struct AudioSection {
  std::string mid;
  uint8_t opus_payload_type = 111;
  uint8_t red_payload_type = 0;  // RED over Opus (RFC 2198); 0: not negotiated
  uint8_t rtx_payload_type = 0;  // retransmissions of Opus (RFC 4588); 0: not negotiated
  Feedback feedback{};           // what the section's receiver may send
  ExtensionIds extensions;
  void archive(Archive& a) {
    a(mid, opus_payload_type, red_payload_type, rtx_payload_type, feedback, extensions);
  }
  friend bool operator==(const AudioSection&, const AudioSection&) = default;
};

// The media section in which the player sends voice.
struct SendingSection : AudioSection {
  std::vector<uint32_t> ssrcs;  // from a=ssrc; empty when the offer names none: the first packet binds

  void archive(Archive& a) {
    AudioSection::archive(a);
    a(ssrcs);
  }
  friend bool operator==(const SendingSection&, const SendingSection&) = default;

  // The silence of an SSRC after which another one may replace it unannounced. Longer than the gaps of
  // discontinuous transmission.
  static constexpr Duration kSsrcTimeout = 2s;

  // True if the player may change to `ssrc`, in a packet with this mid, from the SSRC `bound` (0: none),
  // which has been silent for `silent`. It may if the offer names the SSRC, if the mid is that of the media
  // section (RFC 9143 section 9.2), or if the offer names no SSRC and no other one is sending.
  bool mayBind(uint32_t ssrc, std::optional<std::string_view> packet_mid, uint32_t bound,
               Duration silent) const {
    if (ssrc == 0) return false;
    if (std::find(ssrcs.begin(), ssrcs.end(), ssrc) != ssrcs.end()) return true;
    if (packet_mid) return packet_mid == mid;
    return ssrcs.empty() && (bound == 0 || silent >= kSsrcTimeout);
  }
};

// A media section in which the player receives one speaker at a time.
struct Slot : AudioSection {
  uint32_t ssrc = 0;      // the server's, signalled in the answer
  uint32_t rtx_ssrc = 0;  // the SSRC of its retransmissions; used with rtx_payload_type
  void archive(Archive& a) {
    AudioSection::archive(a);
    a(ssrc, rtx_ssrc);
  }
  friend bool operator==(const Slot&, const Slot&) = default;
};

// Loss repair that a chain can handle, and that may therefore be negotiated.
struct RepairFeatures {
  Feedback feedback{};
  bool rtx = false;
  bool red = false;             // towards receivers
  bool red_by_default = false;  // speakers send it from the start

  friend RepairFeatures operator|(const RepairFeatures& a, const RepairFeatures& b) {
    return {a.feedback | b.feedback, a.rtx || b.rtx, a.red || b.red, a.red_by_default || b.red_by_default};
  }
  friend RepairFeatures operator&(const RepairFeatures& a, const RepairFeatures& b) {
    return {a.feedback & b.feedback, a.rtx && b.rtx, a.red && b.red, a.red_by_default && b.red_by_default};
  }
};

// The connection that an offer belongs to, and its version: the o= line (RFC 8866 section 5.2).
struct Origin {
  std::string id;  // the o= line without the version; empty: the offer has no valid o= line
  uint64_t version = 0;
  std::string tls_id;  // RFC 8842 section 4; empty: not offered

  void archive(Archive& a) { a(id, version, tls_id); }
  // True if this is a later offer of the same connection (RFC 3264 section 8), with the same DTLS
  // association.
  bool follows(const Origin& earlier) const {
    return !id.empty() && id == earlier.id && version > earlier.version && tls_id == earlier.tls_id;
  }
};

// The result of offer and answer. Immutable once the player is in the directory.
struct Negotiated {
  IceCredentials local;
  IceCredentials remote;
  std::vector<Fingerprint> fingerprints;   // one must match the client's certificate (RFC 8122 section 5)
  DtlsRole dtls_role = DtlsRole::kServer;  // the server's
  std::optional<SendingSection> sending;
  std::vector<Slot> slots;
  std::string cname;  // of the server's RTCP SDES

  void archive(Archive& a) { a(local, remote, fingerprints, dtls_role, sending, slots, cname); }

  // True if all but ICE is equal, so that a session can continue unchanged.
  bool isSameButIce(const Negotiated& other) const {
    return fingerprints == other.fingerprints && dtls_role == other.dtls_role && sending == other.sending &&
           slots == other.slots && cname == other.cname;
  }
};

}  // namespace sluice::rooms
