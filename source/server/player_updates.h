// Forwards changes of the directory of rooms to the workers, and the ends of players' sessions to the
// directory. Main thread.
#pragma once

#include "source/rooms/directory.h"
#include "source/runtime/worker.h"

namespace sluice::server {

class PlayerUpdates final : public rooms::Observer {
 public:
  // Observes `rooms`. Both outlive the object.
  PlayerUpdates(rooms::Directory& rooms, runtime::WorkerGroup& workers);
  ~PlayerUpdates() override { rooms_.removeObserver(*this); }
  PlayerUpdates(const PlayerUpdates&) = delete;
  PlayerUpdates& operator=(const PlayerUpdates&) = delete;

  // A player's session has ended: the player leaves its room.
  void onSessionEnded(const runtime::PlayerGone& gone);

 private:
  void onJoined(const rooms::PlayerPtr& player) override;
  void onLeft(const rooms::PlayerPtr& player) override;
  void onIceRestart(const rooms::PlayerPtr& player, const rooms::IceCredentials& local) override;

  rooms::Directory& rooms_;
  runtime::WorkerGroup& workers_;
};

}  // namespace sluice::server
