// The control API as requests and responses: a game server reads and changes its rooms. docs/control-api.md
// has the endpoints.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/control/event_log.h"
#include "source/control/inspection.h"
#include "source/control/room_states.h"
#include "source/http/host_names.h"
#include "source/http/router.h"
#include "source/rooms/directory.h"

namespace sluice::control {

struct Access {
  std::vector<std::string> tokens{};  // requests need one of them
  http::HostNames hosts{};
};

// Main thread.
class Api {
 public:
  // All of them outlive it.
  Api(rooms::Directory& directory, RoomStates& states, EventLog& events, const EvidenceSource& evidence,
      const History& history);

  // Takes effect for the next request. Ends the event streams if their token may not be valid any longer.
  void configure(Access access);

  http::Response handle(const http::Request& request) const;
  // Checks a request that has a body by its headers alone: the response that refuses it, or nothing.
  std::optional<http::Response> refuse(const http::Request& request) const;
  std::vector<http::Router::Listed> routes() const { return router_.routes(); }

 private:
  std::optional<http::Response> checkAccess(const http::Request& request) const;
  http::Response list() const;
  http::Response kick(const http::Parameters& parameters) const;
  http::Response streamEvents(const http::Request& request, std::string_view room) const;

  rooms::Directory& directory_;
  RoomStates& states_;
  EventLog& events_;
  const Inspection inspection_;
  Access access_;
  http::Router router_;
};

}  // namespace sluice::control
