#pragma once

#include <doctest/doctest.h>

#include <map>
#include <utility>

#include "source/control/room_states.h"

namespace sluice::test {

// Keeps the last snapshot of each room.
struct FakeSnapshotSink final : control::SnapshotSink {
  // Workers ignore a snapshot that is not newer than the last one.
  void publish(uint32_t room, audibility::SnapshotPtr snapshot) override {
    if (last[room] != nullptr) CHECK(snapshot->version > last[room]->version);
    last[room] = std::move(snapshot);
  }
  void forget(uint32_t room) override { last.erase(room); }

  std::map<uint32_t, audibility::SnapshotPtr> last;  // by rooms::Room::number()
};

}  // namespace sluice::test
