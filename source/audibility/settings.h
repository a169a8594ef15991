// Reads api/audibility.proto.
#pragma once

#include <vector>

#include "api/audibility.pb.h"
#include "source/audibility/direction.h"
#include "source/audibility/rule.h"
#include "source/audibility/selection.h"
#include "source/base/result.h"

namespace sluice::audibility {

struct Settings {
  std::vector<Rule> rules;  // for RoomState::setRules
  Handedness handedness = Handedness::kRight;
  Selection::Config selection;
};

// Applies the ranges and defaults of the proto, and checks the rules against each other. Errors have paths
// such as "rules[2].proximity.audible_distance".
Result<Settings> readSettings(const sluice::Audibility& message);

}  // namespace sluice::audibility
