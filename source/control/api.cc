#include "source/control/api.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/control.pb.h"
#include "source/base/bytes.h"
#include "source/base/log.h"
#include "source/config/json.h"
#include "source/control/explanation.h"

namespace sluice::control {
namespace {

using http::Parameters;
using http::Request;
using http::Response;

Response json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  Response response{.content_type = "application/json"};
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &response.body, options));
  return response;
}

// The status says what is wrong with the request as a whole: its room, its version or its fields.
Response refusal(const Errors& errors) {
  const std::string& path = errors.front().path;
  if (path == "room" || path == "listener" || path == "speaker") {
    return http::error(404, errors.front().message, path);
  }
  if (path == "expected_version") return http::error(409, errors.front().message, path);
  return http::errors(400, "the request was refused, and nothing changed", errors);
}

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
    : directory_(directory), states_(states), events_(events), evidence_(evidence), history_(history) {
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
                return explainPair(request, parameters);
              });
  router_.add("GET", "/v1/rooms/{room}/matrix", [this](const Request&, const Parameters& parameters) {
    const auto matrix = states_.matrix(parameters.at("room"));
    return matrix ? json(*matrix) : refusal(matrix.errors());
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

void Api::nameOthersOnSlots(Evidence& evidence, std::string_view room) const {
  if (!evidence.listener || !evidence.listener->session) return;
  const auto& on_slots = evidence.listener->on_slots;
  for (const rooms::PlayerPtr& player : directory_.players(room)) {
    const bool other = player->number != evidence.speaker_number;
    if (other && std::ranges::find(on_slots, player->number) != on_slots.end()) {
      evidence.others_on_slots.push_back(player->id);
    }
  }
}

// Also explains why a player is not there at all.
Response Api::explainPair(const Request& request, const Parameters& parameters) const {
  const std::string& room = parameters.at("room");
  const std::string_view speaker = request.queryParameter("speaker"),
                         listener = request.queryParameter("listener");
  if (listener.empty()) return http::error(400, "is required", "listener");
  if (speaker.empty()) return http::error(400, "is required", "speaker");
  if (const std::string_view at = request.queryParameter("at"); !at.empty()) {
    return explainPast(at, room, speaker, listener);
  }
  Evidence evidence = evidence_.collect(directory_.find(room, speaker), directory_.find(room, listener));
  evidence.same_player = speaker == listener;
  nameOthersOnSlots(evidence, room);
  if (auto decision = states_.decide(room, listener, speaker)) evidence.decision = *std::move(decision);
  return json(explain(evidence));
}

Response Api::explainPast(std::string_view at, std::string_view room, std::string_view speaker,
                          std::string_view listener) const {
  double seconds = 0;
  const auto parsed = std::from_chars(at.data(), at.data() + at.size(), seconds);
  if (parsed.ec != std::errc() || parsed.ptr != at.data() + at.size()) {
    return http::error(400, "must be seconds since 1970, or with a minus sign seconds before now", "at");
  }
  const auto past = history_.find(seconds, room, speaker, listener);
  if (!past) return http::error(400, past.error().message, past.error().path);
  Explanation explanation = explain(past->evidence);
  explanation.set_at(past->at);
  return json(explanation);
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
