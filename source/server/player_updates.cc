#include "source/server/player_updates.h"

#include "source/base/log.h"

namespace sluice::server {

PlayerUpdates::PlayerUpdates(rooms::Directory& rooms, runtime::WorkerGroup& workers)
    : rooms_(rooms), workers_(workers) {
  rooms_.addObserver(*this);
}

void PlayerUpdates::onJoined(const rooms::PlayerPtr& player) {
  for (auto& worker : workers_.workers) {
    worker->post([&worker, player] { worker->dispatcher().addPlayer(player); });
  }
  // A player taken over from the previous process may have restarted ICE there.
  for (const auto& local : player->signalled.local) onIceRestart(player, local);
}

void PlayerUpdates::onIceRestart(const rooms::PlayerPtr& player, const rooms::IceCredentials& local) {
  if (local == player->negotiated.local) return;
  for (auto& worker : workers_.workers) {
    worker->post([&worker, player, local] { worker->dispatcher().addCredentials(player, local); });
  }
}

void PlayerUpdates::onLeft(const rooms::PlayerPtr& player) {
  if (player->departure == rooms::Departure::kReplaced) {
    log::info("{} in {} was replaced: it joined again", player->id, player->room->name());
  } else if (player->departure == rooms::Departure::kNotConnected) {
    log::info("{} in {} was removed: it did not connect in time", player->id, player->room->name());
  }
  for (auto& worker : workers_.workers) {
    worker->post([&worker, player] { worker->dispatcher().removePlayer(player); });
  }
}

void PlayerUpdates::onSessionEnded(const runtime::PlayerGone& gone) {
  if (!rooms_.leave(gone.player, rooms::Departure::kSessionEnded)) return;  // it left earlier
  log::info("{} in {} was removed: {}; client {}, after {} ms, packets in {}, out {}", gone.player->id,
            gone.player->room->name(), gone.reason, gone.remote.toString(),
            std::chrono::duration_cast<std::chrono::milliseconds>(gone.age).count(), gone.packets_in,
            gone.packets_out);
}

}  // namespace sluice::server
