#include "source/server/room_control.h"

#include "source/chain/room_audibility.h"

namespace sluice::server {

RoomControl::RoomControl(rooms::Directory& rooms, const Clock& clock, net::TimerQueue& timers,
                         runtime::WorkerGroup& workers)
    : workers_(workers),
      watch_(rooms, clock, events_),
      states_(rooms, clock, *this),
      overload_(rooms, clock, events_, [this] { return busyShares(); }),
      tick_(timers, [this] { onTick(); }),
      overload_check_(timers, [this] { onOverloadCheck(); }),
      publish_(timers, [this] { states_.publishMoves(); }) {}

void RoomControl::commit(const reload::Running& running) {
  states_.configure(running.settings.room_rules);
  if (tick_.armed()) return;
  tick_.arm(control::PlayerWatch::kInterval);
  overload_check_.arm(control::SpeakerLimits::kInterval);
}

void RoomControl::onTick() {
  watch_.check();
  events_.deliver();
  tick_.arm(control::PlayerWatch::kInterval);
}

void RoomControl::onOverloadCheck() {
  overload_.check();
  overload_check_.arm(control::SpeakerLimits::kInterval);
}

std::vector<double> RoomControl::busyShares() const {
  std::vector<double> shares;
  for (const auto& worker : workers_.workers) shares.push_back(worker->busyShare());
  return shares;
}

void RoomControl::archive(Archive& a) {
  states_.archive(a);
  watch_.archive(a);
  events_.archive(a);
}

void RoomControl::onConflict(const std::string& room, uint64_t expected, uint64_t version) {
  control::Event event;
  event.set_room(room);
  event.set_expected_version(expected);
  event.set_version(version);
  events_.add(control::EventKind::kConflict, event);
}

void RoomControl::onRulesRefused(const std::string& room, const Errors& errors) {
  control::Event event;
  event.set_room(room);
  event.set_field(errors.front().path);
  event.set_error(errors.front().message);
  events_.add(control::EventKind::kRulesRefused, event);
}

audibility::PositionOutcome RoomControl::move(const audibility::PositionUpdate& update) {
  const audibility::PositionOutcome outcome = states_.move(update);
  if (outcome.moved > 0 && !publish_.armed()) publish_.arm(kMoveInterval);
  return outcome;
}

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
