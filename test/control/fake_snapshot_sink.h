#pragma once

#include <map>
#include <utility>

#include "source/control/room_states.h"

namespace sluice::test {

// Keeps the last snapshot of each room.
struct FakeSnapshotSink final : control::SnapshotSink {
  void publish(uint32_t room, audibility::SnapshotPtr snapshot) override { last[room] = std::move(snapshot); }
  void forget(uint32_t room) override { last.erase(room); }

  std::map<uint32_t, audibility::SnapshotPtr> last;  // by rooms::Room::number()
};

}  // namespace sluice::test
