// The receivers of each room on one worker. A packet crosses to another worker only once, however many
// receivers are there.
#pragma once

#include <unordered_map>
#include <vector>

#include "filters/rtp_router/local_room.h"
#include "source/chain/room_audibility.h"
#include "source/chain/worker.h"
#include "source/net/packet.h"
#include "source/rooms/room.h"

namespace sluice::rtp_router {

class RouterWorker {
 public:
  explicit RouterWorker(chain::Worker& worker)
      : worker_(worker), audibility_(worker.local<chain::RoomAudibility>()) {}

  // The room lives at least until the receiver is removed.
  const LocalRoom& add(rooms::Room& room, Receiver& receiver);
  void remove(rooms::Room& room, Receiver& receiver);

  // Delivers to every receiver of the room who hears the speaker, on this worker and the others. The packet
  // carries its Voice as a note; `speaker` is the player that sent it. False if another worker's mailbox was
  // full or the packet pool was exhausted.
  bool distribute(const rooms::Room& room, Receiver& speaker, net::PacketPtr&& packet);

 private:
  // `speaker`: null if it is on another worker.
  void fanOut(Receiver* speaker, net::PacketPtr&& packet);

  chain::Worker& worker_;
  chain::RoomAudibility& audibility_;
  std::unordered_map<uint32_t, LocalRoom> rooms_;  // by room number; those with receivers
};

}  // namespace sluice::rtp_router
