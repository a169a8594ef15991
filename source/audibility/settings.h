// Reads api/audibility.proto.
#pragma once

#include <string>
#include <string_view>

#include "api/audibility.pb.h"
#include "source/audibility/room_rules.h"
#include "source/base/result.h"

namespace sluice::audibility {

// Applies the ranges and defaults of the proto, and checks the rules against each other. Errors have paths
// such as "rules[2].proximity.audible_distance".
Result<RoomRules> readRules(const sluice::Audibility& message);

// Rules that a configuration has for some rooms.
struct ConfiguredRules {
  std::string name;  // of a room; with "*" at its end the beginning of names
  sluice::Audibility written;
  RoomRules rules;  // `written`, checked

  bool matches(std::string_view room) const;
};

}  // namespace sluice::audibility
