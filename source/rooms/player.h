// One player of one room: what signalling negotiated (immutable) and what the owning worker observes
// (atomics).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/rooms/loss_census.h"

namespace sluice::rooms {

class Room;

// RFC 8445 section 5.3.
struct IceCredentials {
  std::string ufrag;
  std::string password;
};

// SHA-256 over the DER certificate (RFC 8122 section 5).
using Fingerprint = std::array<uint8_t, 32>;

enum class DtlsRole { kServer, kClient };  // ours: a=setup:passive or a=setup:active in the answer

// Header-extension ids of RFC 8285, 1-14; 0 means not negotiated.
struct ExtensionIds {
  uint8_t mid = 0;
  uint8_t audio_level = 0;
};

// What is common to both directions of one audio m-line.
struct AudioLine {
  std::string mid;
  uint8_t opus_payload_type = 111;
  uint8_t red_payload_type = 0;  // RED over Opus (RFC 2198); 0: not negotiated
  uint8_t rtx_payload_type = 0;  // retransmissions of Opus (RFC 4588); 0: not negotiated
  bool nack = false;             // the receiver may ask for lost packets (RFC 4585)
  ExtensionIds extensions;
};

// The line on which the player speaks.
struct SendingLine : AudioLine {
  std::vector<uint32_t> ssrcs;  // from a=ssrc; empty when the offer names none: the first packet binds

  // May the player go over from `bound` (0: it has not spoken) to `ssrc`, in a packet that carries this mid?
  // It may when the offer names the SSRC, when the mid is ours (RFC 8843 section 9.2), or when the offer
  // names none and this is its first.
  bool mayBind(uint32_t ssrc, std::optional<std::string_view> packet_mid, uint32_t bound) const {
    if (ssrc == 0) return false;
    if (std::find(ssrcs.begin(), ssrcs.end(), ssrc) != ssrcs.end()) return true;
    if (packet_mid) return packet_mid == mid;
    return ssrcs.empty() && bound == 0;
  }
};

// A line on which the player hears one speaker at a time.
struct Slot : AudioLine {
  uint32_t ssrc = 0;      // ours, told in the answer
  uint32_t rtx_ssrc = 0;  // of its retransmissions, with rtx_payload_type
};

// Means against loss that a chain can handle, and so may be negotiated.
struct RepairFeatures {
  bool nack = false;
  bool rtx = false;
  bool red = false;             // towards listeners
  bool red_by_default = false;  // speakers send it from the start

  friend RepairFeatures operator|(const RepairFeatures& a, const RepairFeatures& b) {
    return {a.nack || b.nack, a.rtx || b.rtx, a.red || b.red, a.red_by_default || b.red_by_default};
  }
  friend RepairFeatures operator&(const RepairFeatures& a, const RepairFeatures& b) {
    return {a.nack && b.nack, a.rtx && b.rtx, a.red && b.red, a.red_by_default && b.red_by_default};
  }
};

// What the offer and the answer agreed on. Immutable once the player is in the directory.
struct Negotiated {
  IceCredentials local;
  IceCredentials remote;
  Fingerprint fingerprint{};  // the client's certificate
  DtlsRole dtls_role = DtlsRole::kServer;
  std::optional<SendingLine> sending;
  std::vector<Slot> slots;
  std::string cname;  // of our RTCP SDES
};

// What a speaker's encoder had best do.
struct VoiceProfile {
  uint32_t bandwidth_hz = 48'000;  // sampling rate of the Opus bandwidth: 8000, 12000, 16000, 24000 or 48000
  unsigned frame_ms = 20;
  bool fec = false;
  unsigned expected_loss_percent = 0;
  uint32_t bitrate_bps = 32'000;
};

// Written by the owning worker (relaxed), read by anyone.
struct Observed {
  std::atomic<int32_t> worker{-1};     // the worker that owns the session; -1: no packet seen yet
  std::atomic<uint32_t> ssrc{0};       // that the player speaks with; 0: silent so far
  std::atomic<uint32_t> csrc{0};       // that listeners see; differs from ssrc only after a conflict
  std::atomic<bool> connected{false};  // DTLS done
  std::atomic<uint64_t> packets_in{0};
  std::atomic<uint64_t> packets_out{0};
  std::atomic<int64_t> last_voice_ns{0};          // Clock time of the last packet with sound
  std::atomic<uint32_t> rtt_us{0};                // the last round trip, from RTCP; 0: unknown
  std::atomic<uint32_t> rtt_samples{0};           // round trips measured so far
  std::atomic<uint32_t> loss_permille{0};         // of what it was sent, as it reports
  std::atomic<uint32_t> uplink_loss_permille{0};  // of what it sent, after repair
};

// What is true of a slot's stream whichever filters make it, and outlives them. The owning worker's alone.
struct SlotState {
  uint16_t skip = 0;  // numbers beyond the router's that were used: it leaves them out once
  std::optional<uint16_t> rtx_sequence;  // the next one of its retransmissions
};

// Shared by signalling and the owning worker; lives until its last user is gone.
struct Player {
  Player(std::shared_ptr<Room> in_room, std::string player_id, Negotiated agreed)
      : room(std::move(in_room)),
        id(std::move(player_id)),
        negotiated(std::move(agreed)),
        slot_states(negotiated.slots.size()) {}

  const std::shared_ptr<Room> room;
  const std::string id;
  const Negotiated negotiated;
  const uint32_t number = nextNumber();  // unique in the process, never 0
  Observed observed;
  std::vector<SlotState> slot_states;    // as negotiated.slots
  int loss_class = LossCensus::kNobody;  // in the room's census; the owning worker's alone
  std::optional<VoiceProfile> advice;    // the last that was given; main thread only

 private:
  static uint32_t nextNumber() {
    static std::atomic<uint32_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }
};

using PlayerPtr = std::shared_ptr<Player>;

}  // namespace sluice::rooms
