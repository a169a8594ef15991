// The rooms on one worker: who listens here. A packet crosses to another worker once, however many listen
// there.
#pragma once

#include <unordered_map>
#include <vector>

#include "source/chain/worker.h"
#include "source/media/speech_detector.h"
#include "source/net/packet.h"
#include "source/rooms/room.h"

namespace sluice::rtp_router {

// What a voice packet says about itself on its way from a speaker to listeners; the packet's data is the
// decrypted RTP packet as it came.
struct Voice {
  uint32_t room;     // Room::number()
  uint32_t speaker;  // Player::number
  uint32_t csrc;
  uint32_t stream;      // of the speaker's: another number where its sequence begins anew
  uint16_t payload_at;  // offset of the payload, which ends with the packet
  uint8_t level;        // RFC 6464, as in the extension
  bool has_level;
  media::SpeechDetector::Speech speech;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual uint32_t number() const = 0;  // the player's, who does not hear itself
  virtual void hear(const net::SharedPacket& packet, const Voice& voice) = 0;
};

class RouterWorker {
 public:
  explicit RouterWorker(chain::Worker& worker) : worker_(worker) {}

  void add(rooms::Room& room, Listener& listener);
  void remove(rooms::Room& room, Listener& listener);

  // To every listener of the room, on this worker and the others. The packet carries its Voice as a note.
  // False when another worker's mailbox was full or no packet was free to cross with.
  bool distribute(const rooms::Room& room, net::PacketPtr&& packet);

 private:
  void fanOut(net::PacketPtr&& packet);

  chain::Worker& worker_;
  std::unordered_map<uint32_t, std::vector<Listener*>> listeners_;  // by room number
};

}  // namespace sluice::rtp_router
