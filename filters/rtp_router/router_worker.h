// The receivers of each room on one worker. A packet crosses to another worker only once, however many
// receivers are there.
#pragma once

#include <unordered_map>
#include <vector>

#include "source/chain/worker.h"
#include "source/media/speech_detector.h"
#include "source/net/packet.h"
#include "source/rooms/room.h"

namespace sluice::rtp_router {

// Describes a voice packet on its way from a speaker to receivers; the packet's data is the decrypted RTP
// packet as received.
struct Voice {
  uint32_t room;     // Room::number()
  uint32_t speaker;  // Player::number
  uint32_t csrc;
  uint32_t stream;      // Speaker::stream(): changes where the speaker's sequence numbers restart
  uint16_t payload_at;  // offset of the payload, which ends with the packet
  uint8_t level;        // RFC 6464, as in the extension
  bool has_level;
  media::SpeechDetector::Speech speech;
};

// The rule of audibility: every player of the room hears the speaker, except the speaker.
inline bool hears(uint32_t receiver, const Voice& voice) {
  return receiver != voice.speaker;
}

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual uint32_t number() const = 0;  // Player::number
  virtual void deliver(const net::SharedPacket& packet, const Voice& voice) = 0;
};

class RouterWorker {
 public:
  explicit RouterWorker(chain::Worker& worker) : worker_(worker) {}

  void add(rooms::Room& room, Receiver& receiver);
  void remove(rooms::Room& room, Receiver& receiver);

  // Delivers to every receiver of the room, on this worker and the others. The packet carries its Voice as a
  // note. False if another worker's mailbox was full or the packet pool was exhausted.
  bool distribute(const rooms::Room& room, net::PacketPtr&& packet);

 private:
  void fanOut(net::PacketPtr&& packet);

  chain::Worker& worker_;
  std::unordered_map<uint32_t, std::vector<Receiver*>> receivers_;  // by room number
};

}  // namespace sluice::rtp_router
