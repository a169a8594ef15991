// What the process knows about the way of one player's voice to another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/control.pb.h"
#include "source/base/clock.h"
#include "source/rooms/player.h"

namespace sluice::control {

struct LastDrop {
  std::string filter;  // empty: the listener
  std::string reason;
  Duration ago{};
};

// The session of a player, as its worker has it.
struct SessionEvidence {
  Duration idle{};  // since the client's last packet of any kind
  std::optional<LastDrop> last_drop{};
  std::vector<uint32_t> on_slots{};  // the numbers of the speakers on the player's slots
};

struct PlayerEvidence {
  bool sends = false;                     // the offer has a media section that sends
  size_t slots = 0;                       // that the offer receives
  bool reached = false;                   // a worker has received an authenticated packet of the client
  bool connected = false;                 // the DTLS handshake is done
  uint64_t packets_in = 0;                // of RTP
  std::optional<Duration> since_rtp{};    // nothing: no RTP packet was accepted yet
  std::optional<Duration> since_voice{};  // the same for RTP with sound
  double loss_out = 0;                    // of the packets to the player, by its reports, 0 to 1
  double worker_busy = 0;                 // the share of time in which its worker is busy, 0 to 1
  bool worker_replied = true;
  std::optional<SessionEvidence> session{};
};

// Nothing instead of a player that is not in the room.
struct Evidence {
  bool same_player = false;
  std::optional<PlayerEvidence> speaker{};
  std::optional<PlayerEvidence> listener{};
  uint32_t speaker_number = 0;
  std::optional<Decision> decision{};          // if both are in the room
  std::vector<std::string> others_on_slots{};  // ids of the other speakers whom the listener receives
};

// Collects what the directory and the workers know; null players are not in the room. Main thread; waits for
// the workers, but not longer than a few milliseconds.
class EvidenceSource {
 public:
  virtual ~EvidenceSource() = default;
  virtual Evidence collect(const rooms::PlayerPtr& speaker, const rooms::PlayerPtr& listener) const = 0;
};

}  // namespace sluice::control
