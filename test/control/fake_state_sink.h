#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "source/control/room_states.h"

namespace sluice::test {

// Keeps the last snapshot of each room, and writes down the rest.
struct FakeStateSink final : control::StateSink {
  // Workers ignore a snapshot that is not newer than the last one.
  void publish(uint32_t room, audibility::SnapshotPtr snapshot) override {
    if (last[room] != nullptr) CHECK(snapshot->version > last[room]->version);
    last[room] = std::move(snapshot);
  }
  void forget(uint32_t room) override { last.erase(room); }
  void onMuted(uint32_t player, Instant until) override { muted[player] = until; }
  void onConflict(const std::string& room, uint64_t expected, uint64_t version) override {
    reports.push_back("conflict in " + room + ": " + std::to_string(expected) + ", not " +
                      std::to_string(version));
  }
  void onRulesRefused(const std::string& room, const Errors& errors) override {
    reports.push_back("rules of " + room + ": " + errors.front().toString());
  }

  std::map<uint32_t, audibility::SnapshotPtr> last;  // by rooms::Room::number()
  std::map<uint32_t, Instant> muted;                 // by player
  std::vector<std::string> reports;
};

}  // namespace sluice::test
