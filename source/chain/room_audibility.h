// Who hears whom in the rooms of one worker: Worker::local<RoomAudibility>(). The main thread supplies a
// snapshot of each room that has rules, by a task on the worker; filters ask.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "source/audibility/hearers.h"

namespace sluice::chain {

class Worker;

class RoomAudibility {
 public:
  explicit RoomAudibility(Worker&) {}

  // `room` is a Room::number(). The reference stays valid until forget(). Its version is 0 as long as the
  // room has no rules: every player hears every other.
  audibility::Hearers& of(uint32_t room) { return rooms_[room]; }

  void update(uint32_t room, audibility::SnapshotPtr snapshot) { of(room).update(std::move(snapshot)); }
  // The room has ended: it has no players and gets none.
  void forget(uint32_t room) { rooms_.erase(room); }

 private:
  std::unordered_map<uint32_t, audibility::Hearers> rooms_;
};

}  // namespace sluice::chain
