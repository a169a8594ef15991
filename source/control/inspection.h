// The requests that ask who hears whom in a room, and why. They change nothing. The control API and the admin
// endpoint share them. Main thread.
#pragma once

#include <string_view>

#include "source/control/evidence.h"
#include "source/control/history.h"
#include "source/control/room_states.h"
#include "source/http/message.h"
#include "source/rooms/directory.h"

namespace sluice::control {

class Inspection {
 public:
  // All of them outlive it.
  Inspection(const rooms::Directory& directory, RoomStates& states, const EvidenceSource& evidence,
             const History& history)
      : directory_(directory), states_(states), evidence_(evidence), history_(history) {}

  // A Matrix, or the response that refuses it.
  http::Response matrix(std::string_view room) const;
  // An Explanation of the pair that the request's parameters `speaker` and `listener` name, now or at the
  // time `at`. Also explains why a player is not there at all.
  http::Response explain(std::string_view room, const http::Request& request) const;

 private:
  http::Response explainPast(std::string_view at, std::string_view room, std::string_view speaker,
                             std::string_view listener) const;
  void nameOthersOnSlots(Evidence& evidence, std::string_view room) const;

  const rooms::Directory& directory_;
  RoomStates& states_;
  const EvidenceSource& evidence_;
  const History& history_;
};

}  // namespace sluice::control
