// The state of one room. The room's writer changes it and publishes snapshots of it. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/audibility/names.h"
#include "source/audibility/room_rules.h"
#include "source/audibility/snapshot.h"
#include "source/audibility/tag_table.h"
#include "source/audibility/update.h"
#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/base/result.h"

namespace sluice::audibility {

class RoomState {
 public:
  struct Limits {
    size_t players = 100'000;
    size_t overrides = 100'000;
  };

  RoomState() : RoomState(Limits{}) {}
  explicit RoomState(Limits limits);

  // Version 1 is the empty room; each successful change adds 1.
  uint64_t version() const { return version_; }
  size_t size() const { return players_.size(); }
  // The state now; null if the player is not in the room. Valid until the next change.
  const PlayerState* find(uint32_t number) const;
  const Names& names() const { return names_; }  // of worlds, teams and channels
  const TagTable& tags() const { return tags_; }

  // Adds a player at the origin, without world, team or tags. `number` must not be 0.
  Result<uint64_t> add(uint32_t number);
  // Also removes the player's overrides. False if the player is not in the room.
  bool remove(uint32_t number);
  // The player `from` continues with its state, overrides and blocks as `to`, which is not in the room yet,
  // as after it joined again. False if `from` is not in the room.
  bool renumber(uint32_t from, uint32_t to);

  // The following return the new version. Errors have paths such as "players[3].position.x"; if
  // "expected_version" is wrong, that is the only error. Nothing changes on errors.
  Result<uint64_t> apply(const Batch& batch, Instant now);
  Result<uint64_t> move(std::span<const Movement> movements);
  Result<uint64_t> setRules(RoomRules rules, std::optional<uint64_t> expected_version = std::nullopt);

  // The state as a snapshot, without overrides that have ended. Returns the previous snapshot if nothing
  // changed.
  SnapshotPtr publish(Instant now);

  const RuleSet& rules() const { return *rules_; }
  // The warnings of the rules, and one for each tag in the rules that no player has now.
  Errors warnings() const;

  // Players, names and overrides, for a takeover. The rules are configuration: they are set before reading.
  void archive(Archive& a);

 private:
  // Parts of a snapshot.
  static constexpr unsigned kMembers = 1, kPlaces = 2, kDetails = 4, kTeams = 8, kOverrides = 16, kOther = 32;
  struct Prepared {
    uint32_t index;
    PlayerState state;
    DetailsPtr details;
    unsigned changed;
  };

  struct Moved {
    uint32_t index;
    Vector3 position, forward, up;
  };

  std::optional<Error> conflict(const std::optional<uint64_t>& expected) const;
  Errors check(const Batch& batch, Instant now);
  void collectNames();
  uint64_t carriedTags() const;
  void dropEnded(Instant now);
  void refreshParts(Snapshot& next) const;
  uint64_t advance(unsigned changed);

  const Limits limits_;
  uint64_t version_ = 1;
  uint64_t rules_version_ = 1;
  Handedness handedness_ = Handedness::kRight;
  Selection::Config selection_{};
  Names names_;
  size_t collect_at_ = Names::kMaxNames / 2;  // the number of names at which unused ones are removed
  TagTable tags_;
  RuleSetPtr rules_;
  std::vector<PlayerState> players_;
  std::vector<DetailsPtr> details_;  // parallel to players_
  NumberMap indices_;
  std::map<uint64_t, PairOverride> overrides_;  // by pair()
  unsigned changed_ = ~0U;                      // since the last snapshot
  SnapshotPtr published_;
  std::vector<Moved> moved_;  // during move(); kept for its memory
};

}  // namespace sluice::audibility
