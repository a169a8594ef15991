// Applies the rules of the configuration and the positions of filters to the rooms, passes their snapshots on
// to the workers, and collects the events of rooms. Main thread.
#pragma once

#include "source/chain/position_sink.h"
#include "source/control/event_log.h"
#include "source/control/overload_watch.h"
#include "source/control/player_watch.h"
#include "source/control/room_states.h"
#include "source/net/timer.h"
#include "source/reload/participant.h"
#include "source/runtime/worker.h"

namespace sluice::server {

class RoomControl final : public reload::Participant, public chain::PositionSink, private control::StateSink {
 public:
  // Positions are published at this interval at most: updates of one tick of the game become one snapshot.
  static constexpr Duration kMoveInterval = 2ms;

  // All of them outlive the object.
  RoomControl(rooms::Directory& rooms, const Clock& clock, net::TimerQueue& timers,
              runtime::WorkerGroup& workers);

  control::RoomStates& states() { return states_; }
  control::EventLog& events() { return events_; }
  const control::OverloadWatch& overload() const { return overload_; }

  void commit(const reload::Running& running) override;
  audibility::PositionOutcome move(const audibility::PositionUpdate& update) override;
  // For a takeover; see control::RoomStates. The events of reading the directory and the states are replaced
  // by those of the other process.
  void archive(Archive& a);

 private:
  void publish(uint32_t room, audibility::SnapshotPtr snapshot) override;
  void forget(uint32_t room) override;
  void onMuted(uint32_t player, Instant until) override { watch_.setMuted(player, until); }
  void onConflict(const std::string& room, uint64_t expected, uint64_t version) override;
  void onRulesRefused(const std::string& room, const Errors& errors) override;
  void onTick();
  void onOverloadCheck();
  std::vector<double> busyShares() const;

  runtime::WorkerGroup& workers_;
  control::EventLog events_;
  control::PlayerWatch watch_;  // before states_, so that a player is watched before its mute is reported
  control::RoomStates states_;
  control::OverloadWatch overload_;
  net::Timer tick_;
  net::Timer overload_check_;
  net::Timer publish_;
};

}  // namespace sluice::server
