// What is known about the path of one player's voice to another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/control.pb.h"
#include "source/base/clock.h"
#include "source/rooms/player.h"

namespace sluice::control {

// The last drop of one kind on a player's session.
struct Drop {
  std::string filter_type;  // empty: the listener
  std::string reason;
  Duration ago{};
};

// The session of a player. Read on its worker.
struct SessionEvidence {
  Duration idle{};            // since the client's last packet of any kind
  std::vector<Drop> drops{};  // of the last seconds, in both directions
};

struct PlayerEvidence {
  bool sends = false;                              // the offer has a media section that sends
  size_t slots = 0;                                // media sections of the offer that receive
  std::vector<uint32_t> on_slots{};                // the numbers of the speakers who took the slots last
  unsigned speaker_limit = rooms::Room::kNoLimit;  // of the room, in an overload
  bool reached = false;                   // a worker has received an authenticated packet of the client
  bool connected = false;                 // the DTLS handshake is done
  uint64_t packets_in = 0;                // of RTP
  std::optional<Duration> since_rtp{};    // absent: no RTP packet was accepted yet
  std::optional<Duration> since_voice{};  // the same for RTP with sound
  double loss_out = 0;                    // of the packets to the player, by its reports, 0 to 1
  double worker_busy = 0;                 // the share of time in which its worker is busy, 0 to 1
  bool worker_replied = true;
  std::optional<SessionEvidence> session{};
};

// A player that is not in the room is absent.
struct Evidence {
  bool same_player = false;
  std::optional<PlayerEvidence> speaker{};
  std::optional<PlayerEvidence> listener{};
  uint32_t speaker_number = 0;
  std::optional<Decision> decision{};          // if both are in the room
  std::vector<std::string> others_on_slots{};  // ids of the other speakers whom the listener receives
};

// Collects evidence from the directory and the workers. Null players are not in the room. Main thread; waits
// for the workers' replies for at most 1 ms.
class EvidenceSource {
 public:
  virtual ~EvidenceSource() = default;
  virtual Evidence collect(const rooms::PlayerPtr& speaker, const rooms::PlayerPtr& listener) const = 0;
};

}  // namespace sluice::control
