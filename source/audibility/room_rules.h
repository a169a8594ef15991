// The rules of a room as its owner wrote them, not compiled.
#pragma once

#include <vector>

#include "source/audibility/direction.h"
#include "source/audibility/rule.h"
#include "source/audibility/selection.h"

namespace sluice::audibility {

struct RoomRules {
  std::vector<Rule> rules{};  // empty: every player hears every other
  Handedness handedness = Handedness::kRight;
  Selection::Config selection{};
};

}  // namespace sluice::audibility
