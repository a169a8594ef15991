// A room at one version: all that decisions depend on. Immutable, shared by all threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "source/audibility/direction.h"
#include "source/audibility/grid.h"
#include "source/audibility/groups.h"
#include "source/audibility/number_map.h"
#include "source/audibility/pair_override.h"
#include "source/audibility/player_state.h"
#include "source/audibility/rule_set.h"
#include "source/audibility/selection.h"

namespace sluice::audibility {

// Parts that did not change are shared with earlier snapshots.
struct Snapshot {
  uint64_t version = 0;        // of the room's state
  uint64_t rules_version = 0;  // the version at which the rules were set
  Handedness handedness = Handedness::kRight;
  Selection::Config selection{};
  std::vector<PlayerState> players;
  RuleSetPtr rules;
  std::shared_ptr<const NumberMap> indices;  // in `players`, by number
  std::shared_ptr<const std::vector<DetailsPtr>> details;
  std::shared_ptr<const Grid> grid;                            // null if no rule is by range
  std::shared_ptr<const Groups> teams;                         // by team
  std::shared_ptr<const Groups> subscribers;                   // by channel: the players who listen to it
  std::shared_ptr<const std::vector<PairOverride>> overrides;  // sorted by pair()

  // NumberMap::kAbsent if the player is not in the room.
  uint32_t find(uint32_t number) const { return indices->find(number); }
  // The overrides of this speaker's pairs.
  std::span<const PairOverride> overridesOf(uint32_t speaker) const;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace sluice::audibility
