// Reads api/audibility.proto.
#pragma once

#include "api/audibility.pb.h"
#include "source/audibility/room_rules.h"
#include "source/base/result.h"

namespace sluice::audibility {

// Applies the ranges and defaults of the proto, and checks the rules against each other. Errors have paths
// such as "rules[2].proximity.audible_distance".
Result<RoomRules> readRules(const sluice::Audibility& message);

}  // namespace sluice::audibility
