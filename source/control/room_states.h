// The state of each room that has rules: what the configuration and the game say about its players. Main
// thread.
//
// A room whose name matches the configuration has a state from its first player on. The state of another room
// begins with the first successful request that changes it, with the one rule that every player hears every
// other. A state ends with its room.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/audibility.pb.h"
#include "api/control.pb.h"
#include "source/audibility/position_update.h"
#include "source/audibility/room_state.h"
#include "source/audibility/settings.h"
#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/base/result.h"
#include "source/rooms/directory.h"

namespace sluice::control {

// Receives what changes in the states, in the order of the changes.
class StateSink {
 public:
  virtual ~StateSink() = default;
  // `room` is a rooms::Room::number().
  virtual void publish(uint32_t room, audibility::SnapshotPtr snapshot) = 0;
  // The room has ended.
  virtual void forget(uint32_t room) = 0;
  // The player with this number is muted until then; a time in the past ends the mute.
  virtual void onMuted(uint32_t /*player*/, Instant /*until*/) {}
  // A request expected another version than the room has.
  virtual void onConflict(const std::string& /*room*/, uint64_t /*expected*/, uint64_t /*version*/) {}
  // Rules that are written for the room cannot be in force.
  virtual void onRulesRefused(const std::string& /*room*/, const Errors& /*errors*/) {}
};

class RoomStates final : private rooms::Observer {
 public:
  static constexpr size_t kMaxMatrix = 200;

  // Observes `directory`. All of them outlive the object. Construct it before the observer that announces
  // players to the workers, so that a player is in a snapshot before its session begins.
  RoomStates(rooms::Directory& directory, const Clock& clock, StateSink& sink);
  ~RoomStates() override { directory_.removeObserver(*this); }
  RoomStates(const RoomStates&) = delete;
  RoomStates& operator=(const RoomStates&) = delete;

  // The first entry that matches a room applies. Rooms whose rules were set by setRules() keep them.
  void configure(std::vector<audibility::ConfiguredRules> rules);

  // These return the room's new version. An error whose path is "room" or "expected_version" says that there
  // is no such room, or that it has another version; other paths are fields of the request. Nothing changes
  // on errors. The change is on its way to the workers when they return.
  Result<uint64_t> update(std::string_view room, UpdateRequest request);
  Result<uint64_t> setRules(std::string_view room, SetRulesRequest request);

  // Applies to the players who are in the room and whom no later update of the same sender has moved. Takes
  // effect for the workers with the room's next snapshot; publishMoves() publishes those of all such rooms.
  audibility::PositionOutcome move(const audibility::PositionUpdate& update);
  void publishMoves();

  Result<Rules> rules(std::string_view room) const;
  // The path of an error is "room", "listener" or "speaker". Hysteresis is not taken into account.
  Result<Decision> decide(std::string_view room, std::string_view listener, std::string_view speaker);
  // Who hears whom. The path of an error is "room", or "players" if there are more than kMaxMatrix.
  Result<Matrix> matrix(std::string_view room);
  // The room's current state. Null if it has none: every player hears every other.
  audibility::SnapshotPtr snapshot(std::string_view room);
  // 0: the room has no state.
  uint64_t version(std::string_view room) const;

  // For a takeover; read after the directory and before configure().
  void archive(Archive& a);

 private:
  // The last update that moved a player.
  struct LastMove {
    uint64_t source = 0;
    uint64_t sequence = 0;
    void archive(Archive& a) { a(source, sequence); }
  };
  struct Room {
    std::shared_ptr<rooms::Room> room;
    audibility::RoomState state{};
    std::optional<sluice::Audibility> written{};  // unset: the state has no rules yet
    bool set_by_api = false;
    std::string refused{};  // why the configured rules are not in force; empty: they are, or there are none
    std::map<std::string, std::vector<std::string>> blocks{};  // ids by the id of the player who blocks them
    std::map<uint32_t, LastMove> moves{};                      // by the numbers of players
    bool moved = false;                                        // since the last snapshot
  };

  void onJoined(const rooms::PlayerPtr& player) override;
  void onLeft(const rooms::PlayerPtr& player) override;

  const audibility::ConfiguredRules* configuredFor(std::string_view room) const;
  // A state as it begins: with the room's players and rules. Null if there is no such room.
  std::unique_ptr<Room> begin(std::string_view room) const;
  // Applies `change`, which returns a Result<uint64_t>, to the room's state and publishes it. A state that
  // does not exist yet begins if the change succeeds.
  template <typename Change>
  Result<uint64_t> change(std::string_view room, std::optional<uint64_t> expected_version, Change&& change);
  // False if they were in force already.
  bool applyConfigured(Room& room) const;
  void reportMute(const Room& room, uint32_t player);
  void resolveBlocks(Room& room, const std::string& id);
  std::vector<uint32_t> numbersOf(const Room& room, const std::vector<std::string>& ids) const;
  uint32_t numberOf(std::string_view room, std::string_view id) const;
  uint64_t publish(Room& room);

  rooms::Directory& directory_;
  const Clock& clock_;
  StateSink& sink_;
  std::vector<audibility::ConfiguredRules> configured_;
  std::map<std::string, std::unique_ptr<Room>, std::less<>> rooms_;  // by name
  std::vector<std::string> moved_;    // names of rooms that may have moved since their last snapshot
  std::optional<uint32_t> replaced_;  // the number of the player who is joining again
};

}  // namespace sluice::control
