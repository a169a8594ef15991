// Turns the messages of the control API into changes of a room's state.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/control.pb.h"
#include "source/audibility/update.h"
#include "source/base/result.h"

namespace sluice::control {

struct Translation {
  audibility::Batch batch;
  // The ids that these players block from now on, in the order of the request. Those that are in the room
  // have numbers in the batch.
  std::map<std::string, std::vector<std::string>> blocks;
};

// The player's number; 0 if it is not in the room.
using FindNumber = std::function<uint32_t(std::string_view id)>;

// `request` has its defaults; its expected_version is the caller's to check. Errors have the paths of its
// fields, such as "players[3].player". The elements of the batch have the same indices as those of the
// request, so that paths in the errors of RoomState::apply() fit.
Result<Translation> translate(const UpdateRequest& request, const FindNumber& find, Instant now);

}  // namespace sluice::control
