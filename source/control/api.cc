#include "source/control/api.h"

#include <utility>

#include "api/control.pb.h"
#include "source/base/bytes.h"
#include "source/base/log.h"
#include "source/config/json.h"
#include "source/control/responses.h"

namespace sluice::control {
namespace {

using http::Parameters;
using http::Request;
using http::Response;

Response changed(const Result<uint64_t>& version) {
  if (!version) return refusal(version.errors());
  Changed body;
  body.set_version(*version);
  return json(body);
}

// Reads the body into a T and calls `apply` with it.
template <typename T, typename Apply>
Response withBody(const Request& request, Apply&& apply) {
  T message;
  const Status status = config::parseJson(request.body, "body", message);
  if (!status.ok()) return http::errors(400, "the body cannot be read", status.errors());
  return apply(std::move(message));
}

std::optional<Response> requireJson(const Request& request, const Parameters&) {
  if (request.contentType() == "application/json") return std::nullopt;
  return http::error(415, "must be application/json", "content-type");
}

}  // namespace

Api::Api(rooms::Directory& directory, RoomStates& states, EventLog& events, const EvidenceSource& evidence,
         const History& history)
    : directory_(directory),
      states_(states),
      events_(events),
      inspection_(directory, states, evidence, history) {
  router_.add("GET", "/v1/rooms", [this](const Request&, const Parameters&) { return list(); });
  router_.add(
      "POST", "/v1/rooms/{room}/update",
      [this](const Request& request, const Parameters& parameters) {
        return withBody<UpdateRequest>(request, [&](UpdateRequest update) {
          return changed(states_.update(parameters.at("room"), std::move(update)));
        });
      },
      requireJson);
  constexpr std::string_view kRules = "/v1/rooms/{room}/rules";
  router_.add("GET", kRules, [this](const Request&, const Parameters& parameters) {
    const auto rules = states_.rules(parameters.at("room"));
    return rules ? json(*rules) : refusal(rules.errors());
  });
  router_.add(
      "PUT", kRules,
      [this](const Request& request, const Parameters& parameters) {
        return withBody<SetRulesRequest>(request, [&](SetRulesRequest rules) {
          return changed(states_.setRules(parameters.at("room"), std::move(rules)));
        });
      },
      requireJson);
  router_.add(
      "GET", "/v1/rooms/{room}/audibility", [this](const Request& request, const Parameters& parameters) {
        const auto decision = states_.decide(parameters.at("room"), request.queryParameter("listener"),
                                             request.queryParameter("speaker"));
        return decision ? json(*decision) : refusal(decision.errors());
      });
  router_.add("GET", "/v1/rooms/{room}/explain",
              [this](const Request& request, const Parameters& parameters) {
                return inspection_.explain(parameters.at("room"), request);
              });
  router_.add("GET", "/v1/rooms/{room}/matrix", [this](const Request&, const Parameters& parameters) {
    return inspection_.matrix(parameters.at("room"));
  });
  router_.add("DELETE", "/v1/rooms/{room}/players/{player}",
              [this](const Request&, const Parameters& parameters) { return kick(parameters); });
  router_.add("GET", "/v1/events",
              [this](const Request& request, const Parameters&) { return streamEvents(request, ""); });
  router_.add("GET", "/v1/rooms/{room}/events", [this](const Request& request, const Parameters& parameters) {
    return streamEvents(request, parameters.at("room"));
  });
}

Response Api::list() const {
  Rooms out;
  for (const rooms::Directory::RoomView& view : directory_.rooms()) {
    RoomSummary& room = *out.add_rooms();
    room.set_room(view.room->name());
    room.set_players(static_cast<uint32_t>(view.players.size()));
    room.set_version(states_.version(view.room->name()));
  }
  return json(out);
}

Response Api::kick(const Parameters& parameters) const {
  const rooms::PlayerPtr player = directory_.find(parameters.at("room"), parameters.at("player"));
  if (player == nullptr) return http::error(404, "is not in the room", "player");
  directory_.leave(player, rooms::Departure::kKicked);
  log::info("{} was removed from {} by the control API", player->id, player->room->name());
  return {.status = 204};
}

// The room need not exist yet.
Response Api::streamEvents(const Request& request, std::string_view room) const {
  auto stream = events_.subscribe(room, request.header("last-event-id"));
  if (stream != nullptr) return http::events(std::move(stream));
  return http::error(503, "there are " + std::to_string(EventLog::kMaxStreams) + " event streams already");
}

void Api::configure(Access access) {
  if (access.tokens != access_.tokens) events_.endStreams();
  access_ = std::move(access);
}

// Refuses requests from web pages, as the admin endpoint does.
std::optional<Response> Api::checkAccess(const Request& request) const {
  if (!request.header("origin").empty())
    return http::error(403, "requests from web pages are not allowed", "Origin");
  if (!access_.hosts.contains(request.header("host"))) {
    return http::error(403, "is not a name of this endpoint; see control.allowed_hosts", "Host");
  }
  const auto token = http::bearerToken(request.header("authorization"));
  bool valid = false;  // each token is compared, so that the time does not reveal which one is similar
  for (const std::string& known : access_.tokens) {
    valid |= token && constantTimeEqual(asBytes(*token), asBytes(known));
  }
  if (valid) return std::nullopt;
  Response response =
      http::error(401, token ? "the token is wrong" : "a bearer token is required", "authorization");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

Response Api::handle(const Request& request) const {
  if (auto refused = checkAccess(request)) return *std::move(refused);
  return router_.handle(request);
}

std::optional<Response> Api::refuse(const Request& request) const {
  if (auto refused = checkAccess(request)) return refused;
  return router_.refuse(request);
}

}  // namespace sluice::control
