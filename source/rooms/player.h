// One player of one room: the result of signalling (immutable), and state that changes while it is connected.
// Each part names its writer.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/rooms/line_quality.h"
#include "source/rooms/negotiated.h"
#include "source/rooms/receiver_loss.h"
#include "source/rooms/room.h"
#include "source/rooms/slot_sequence.h"

namespace sluice::rooms {

// Recommended encoder settings for a speaker.
struct VoiceProfile {
  uint32_t bandwidth_hz = 48'000;  // sampling rate of the Opus bandwidth: 8000, 12000, 16000, 24000 or 48000
  unsigned frame_ms = 20;
  bool fec = false;
  unsigned expected_loss_percent = 0;
  uint32_t bitrate_bps = 32'000;
  void archive(Archive& a) { a(bandwidth_hz, frame_ms, fec, expected_loss_percent, bitrate_bps); }
};

// Relaxed atomics that any thread may read. The player's worker writes them, except where another writer is
// named.
struct Observed {
  // The worker that owns the session; -1: no packet seen yet. Set once, by the first worker that succeeds.
  std::atomic<int32_t> worker{-1};
  // The SSRC of the player's voice, written by the main thread (Directory::bindSsrc); 0: none received yet.
  // Receivers get `csrc`, which differs from `ssrc` only after a conflict.
  std::atomic<uint32_t> ssrc{0};
  std::atomic<uint32_t> csrc{0};
  std::atomic<bool> connected{false};   // by dtls_srtp: the handshake is done
  std::atomic<uint64_t> packets_in{0};  // by rtp_router, as all below
  std::atomic<uint64_t> packets_out{0};
  std::atomic<int64_t> last_rtp_ns{0};    // Clock time of the last packet
  std::atomic<int64_t> last_voice_ns{0};  // of the last one with sound
  // Of the voice, smoothed: dB above -127 dBov, 0 to 127. Not handed over: the next packet sets it.
  std::atomic<uint8_t> loudness{0};

  // Call it only while no worker runs.
  void archive(Archive& a) {
    const auto each = [&a](auto&... values) {
      const auto one = [&a](auto& atomic) {
        auto value = atomic.load(std::memory_order_relaxed);
        a(value);
        atomic.store(value, std::memory_order_relaxed);
      };
      (one(values), ...);
    };
    each(worker, ssrc, csrc, connected, packets_in, packets_out, last_rtp_ns, last_voice_ns);
  }
};

// Why a player is no longer in the directory.
enum class Departure {
  kLeft,          // the client or an operator requested it
  kReplaced,      // it has joined again
  kNotConnected,  // its DTLS handshake was not done in time
  kSessionEnded,  // the connection was closed or lost
  kKicked,        // the game's server requested it
};

// The names of reasons in events.
constexpr std::string_view name(Departure departure) {
  constexpr std::array<std::string_view, 5> kNames = {"left", "replaced", "not_connected", "session_ended",
                                                      "kicked"};
  return kNames[static_cast<size_t>(departure)];
}

// State that later offers of the same connection change. Main thread only.
struct Signalled {
  Origin origin{};                    // of the last offer
  IceCredentials remote;              // the client's, of the last offer
  std::vector<IceCredentials> local;  // the server's, newest last; after ICE restarts the last two
  uint64_t answer_id = 0;             // in the o= lines of the answers
  uint64_t answer_version = 1;
  void archive(Archive& a) { a(origin, remote, local, answer_id, answer_version); }
};

// Shared by signalling and the owning worker; lives until its last user has released it.
struct Player {
  Player(std::shared_ptr<Room> in_room, std::string player_id, Negotiated agreed,
         uint32_t as_number = nextNumber())
      : room(std::move(in_room)),
        id(std::move(player_id)),
        negotiated(std::move(agreed)),
        number(as_number),
        receiver_loss(room->receiverLoss()),
        slot_sequences(negotiated.slots.size()),
        slot_speakers(negotiated.slots.size()),
        signalled{.remote = negotiated.remote, .local = {negotiated.local}} {}

  const std::shared_ptr<Room> room;
  const std::string id;
  const Negotiated negotiated;
  const uint32_t number;  // unique in the process, never 0
  Observed observed;
  LineQuality line;
  ReceiverLoss receiver_loss;
  std::vector<SlotSequence> slot_sequences;  // as negotiated.slots
  // Relaxed atomics: the numbers of the speakers who have the slots, as negotiated.slots; 0: free. Written by
  // rtp_router with the next packet to the player; so a slot whose speaker has become inaudible may keep it.
  std::vector<std::atomic<uint32_t>> slot_speakers;
  std::optional<VoiceProfile> advice;  // the last one given; main thread only
  Signalled signalled;
  Departure departure = Departure::kLeft;  // set when it leaves; main thread only

  static uint32_t nextNumber() { return last_number.fetch_add(1, std::memory_order_relaxed) + 1; }
  static inline std::atomic<uint32_t> last_number{0};
};

using PlayerPtr = std::shared_ptr<Player>;

// Voice with sound arrived in the last 400 ms.
inline bool isTalking(const Player& player, Instant now) {
  constexpr Duration kTalkingFor = 400ms;
  const int64_t voice = player.observed.last_voice_ns.load(std::memory_order_relaxed);
  return voice != 0 && now.time_since_epoch().count() - voice < kTalkingFor.count();
}

}  // namespace sluice::rooms
