// Applies the rules of the configuration to the rooms, and passes their snapshots on to the
// workers. Main thread.
#pragma once

#include "source/control/room_states.h"
#include "source/reload/participant.h"
#include "source/runtime/worker.h"

namespace sluice::server {

class RoomControl final : public reload::Participant, private control::SnapshotSink {
 public:
  // All of them outlive the object.
  RoomControl(rooms::Directory& rooms, const Clock& clock, runtime::WorkerGroup& workers)
      : workers_(workers), states_(rooms, clock, *this) {}

  control::RoomStates& states() { return states_; }

  void commit(const reload::Running& running) override { states_.configure(running.settings.room_rules); }
  // For a takeover; see control::RoomStates.
  void archive(Archive& a) { states_.archive(a); }

 private:
  void publish(uint32_t room, audibility::SnapshotPtr snapshot) override;
  void forget(uint32_t room) override;

  runtime::WorkerGroup& workers_;
  control::RoomStates states_;
};

}  // namespace sluice::server
