// Decides who hears whom in the rooms of one worker: Worker::local<RoomAudibility>(). The main thread
// supplies a snapshot of each room that has rules, by a task on the worker; filters ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "source/audibility/hearers.h"

namespace sluice::chain {

class Worker;

class RoomAudibility {
 public:
  explicit RoomAudibility(Worker&) {}

  // `room` is a Room::number(). The reference stays valid as long as a receiver is registered, and until
  // forget() or release(). Its version is 0 as long as the room has no rules: every player hears every other.
  audibility::Hearers& of(uint32_t room) { return rooms_[room].hearers; }

  void update(uint32_t room, audibility::SnapshotPtr snapshot) { of(room).update(std::move(snapshot)); }

  // The room has ended: it has no players and gets none. Receivers whose sessions still close stay
  // registered, and the rules stay in force for them until the last one is removed.
  void forget(uint32_t room) {
    const auto it = rooms_.find(room);
    if (it == rooms_.end()) return;
    it->second.ended = true;
    release(room);
  }

  // Call it after a receiver was removed. A room that has rules and has not ended keeps them for its next
  // receiver on this worker.
  void release(uint32_t room) {
    const auto it = rooms_.find(room);
    if (it == rooms_.end() || it->second.hearers.receivers() > 0) return;
    if (it->second.ended || it->second.hearers.version() == 0) rooms_.erase(it);
  }

  size_t size() const { return rooms_.size(); }

 private:
  struct Room {
    audibility::Hearers hearers;
    bool ended = false;
  };
  std::unordered_map<uint32_t, Room> rooms_;
};

}  // namespace sluice::chain
