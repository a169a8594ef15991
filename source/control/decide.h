// Decisions about pairs of players, as the control API states them.
#pragma once

#include <cstdint>
#include <vector>

#include "api/control.pb.h"
#include "source/audibility/snapshot.h"
#include "source/base/clock.h"

namespace sluice::control {

// A room without rules: these players hear each other.
audibility::SnapshotPtr withoutRules(const std::vector<uint32_t>& players, Instant now);

// Both players are in the room. A null snapshot: it has no rules. Hysteresis is not taken into account.
Decision decide(const audibility::SnapshotPtr& snapshot, uint32_t speaker, uint32_t receiver, Instant now);

}  // namespace sluice::control
