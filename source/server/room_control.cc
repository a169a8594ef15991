#include "source/server/room_control.h"

#include "source/chain/room_audibility.h"

namespace sluice::server {

void RoomControl::publish(uint32_t room, audibility::SnapshotPtr snapshot) {
  for (auto& worker : workers_.workers) {
    worker->post(
        [&worker, room, snapshot] { worker->local<chain::RoomAudibility>().update(room, snapshot); });
  }
}

void RoomControl::forget(uint32_t room) {
  for (auto& worker : workers_.workers) {
    worker->post([&worker, room] { worker->local<chain::RoomAudibility>().forget(room); });
  }
}

}  // namespace sluice::server
