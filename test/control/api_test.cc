#include "source/control/api.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "test/control/control_fixture.h"
#include "test/control/no_evidence.h"

namespace sluice::control {
namespace {

using nlohmann::json;

constexpr const char* kToken = "a token of the game";

struct Fixture : test::ControlFixture {
  Fixture() {
    api.configure({.tokens = {"another token, older", kToken}, .hosts = http::HostNames()});
    join("ann");
    join("ben");
  }

  http::Response send(const std::string& method, const std::string& path, const std::string& body = "",
                      std::map<std::string, std::string, std::less<>> query = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.headers = {{"authorization", std::string("Bearer ") + kToken},
                       {"content-type", "application/json"}};
    request.body = body;
    if (auto refused = body.empty() ? std::nullopt : api.refuse(request)) return *std::move(refused);
    return api.handle(request);
  }
  std::string audibility(const std::string& speaker, const std::string& listener) {
    const auto response =
        send("GET", "/v1/rooms/lobby/audibility", "", {{"speaker", speaker}, {"listener", listener}});
    REQUIRE(response.status == 200);
    return json::parse(response.body)["reason"];
  }

  EventLog events;
  test::NoEvidence evidence;
  History history{clock};
  Api api{directory, states, events, evidence, history};
};

TEST_CASE("control API: an update takes effect, and its response has the room's version") {
  Fixture f;
  const auto response = f.send("POST", "/v1/rooms/lobby/update",
                               R"({"players": [{"player": "ann", "mute": {"muted": true}}]})");
  CHECK(response.status == 200);
  CHECK(json::parse(response.body)["version"] == std::to_string(f.states.version("lobby")));
  CHECK(f.audibility("ann", "ben") == "muted");
  CHECK(f.audibility("ben", "ann") == "everyone");
}

TEST_CASE("control API: rules are set, read and replaced") {
  Fixture f;
  CHECK(json::parse(f.send("GET", "/v1/rooms/lobby/rules").body)["version"] == "0");
  const auto set = f.send("PUT", "/v1/rooms/lobby/rules",
                          R"({"audibility": {"rules": [{"name": "teams", "same_team": {}}]}})");
  CHECK(set.status == 200);
  CHECK(f.audibility("ann", "ben") == "other_team");
  const json rules = json::parse(f.send("GET", "/v1/rooms/lobby/rules").body);
  CHECK(rules["set_by_api"] == true);
  CHECK(rules["audibility"]["rules"][0]["name"] == "teams");
  const json decision = json::parse(
      f.send("GET", "/v1/rooms/lobby/audibility", "", {{"speaker", "ann"}, {"listener", "ben"}}).body);
  CHECK(decision["rule"] == "teams");
  CHECK(decision["audible"] == false);
  CHECK(decision["distance"] == 0);
}

TEST_CASE("control API: the status says whether room, version or fields are wrong") {
  Fixture f;
  const auto status = [&](const char* body, const char* path = "/v1/rooms/lobby/update") {
    return f.send("POST", path, body).status;
  };
  CHECK(status("{}", "/v1/rooms/nowhere/update") == 404);
  CHECK(status("{}") == 200);
  const uint64_t created = f.states.version("lobby");
  CHECK(status(R"({"expected_version": 77})") == 409);
  CHECK(status(R"({"players": [{"player": "eve"}]})") == 400);
  CHECK(status(R"({"players": 5})") == 400);
  CHECK(status("[") == 400);
  const json refused =
      json::parse(f.send("POST", "/v1/rooms/lobby/update", R"({"players": [{"plaier": "ann"}]})").body);
  CHECK(refused["errors"][0]["field"] == "players[0].plaier");
  CHECK(f.states.version("lobby") == created);
}

TEST_CASE("control API: a player is removed from its room") {
  Fixture f;
  const auto ann = f.directory.find("lobby", "ann");
  CHECK(f.send("DELETE", "/v1/rooms/lobby/players/ann").status == 204);
  CHECK(f.directory.find("lobby", "ann") == nullptr);
  CHECK(ann->departure == rooms::Departure::kKicked);
  CHECK(f.send("DELETE", "/v1/rooms/lobby/players/ann").status == 404);
}

TEST_CASE("control API: a pair is explained, also if a player or the room does not exist") {
  Fixture f;
  const auto causeOf = [&](const std::string& path, const std::string& speaker, const std::string& listener) {
    const auto response = f.send("GET", path, "", {{"speaker", speaker}, {"listener", listener}});
    REQUIRE(response.status == 200);
    return json::parse(response.body)["cause"].get<std::string>();
  };
  CHECK(causeOf("/v1/rooms/lobby/explain", "eve", "ann") == "speaker_not_joined");
  CHECK(causeOf("/v1/rooms/lobby/explain", "ann", "eve") == "listener_not_joined");
  CHECK(causeOf("/v1/rooms/nowhere/explain", "ann", "ben") == "speaker_not_joined");
  CHECK(causeOf("/v1/rooms/lobby/explain", "ann", "ann") == "same_player");
  CHECK(causeOf("/v1/rooms/lobby/explain", "ann", "ben") == "speaker_offers_no_voice");
  CHECK(f.send("GET", "/v1/rooms/lobby/explain", "", {{"speaker", "ann"}}).status == 400);
  CHECK(f.send("GET", "/v1/rooms/lobby/explain", "", {{"listener", "ann"}}).status == 400);
}

TEST_CASE("control API: the matrix has every pair of a room, and large rooms have none") {
  Fixture f;
  f.join("carl");
  REQUIRE(
      f.send("POST", "/v1/rooms/lobby/update", R"({"players": [{"player": "ann", "mute": {"muted": true}}]})")
          .status == 200);
  const json speakers = json::parse(f.send("GET", "/v1/rooms/lobby/matrix").body)["speakers"];
  REQUIRE(speakers.size() == 3);
  CHECK(speakers[0] == json{{"speaker", "ann"}, {"listeners", json::array()}});
  CHECK(speakers[1] == json{{"speaker", "ben"}, {"listeners", {"ann", "carl"}}});
  CHECK(f.send("GET", "/v1/rooms/nowhere/matrix").status == 404);
  for (size_t i = 3; i <= RoomStates::kMaxMatrix; ++i) f.join("player-" + std::to_string(i));
  CHECK(f.send("GET", "/v1/rooms/lobby/matrix").status == 400);
}

TEST_CASE("control API: events are streamed for all rooms or one, and resumed by Last-Event-ID") {
  Fixture f;
  const auto joined = [&](const std::string& room, const std::string& player) {
    Event event;
    event.set_room(room);
    event.set_player(player);
    f.events.add(EventKind::kJoined, event);
  };
  const auto all = f.send("GET", "/v1/events");
  const auto lobby = f.send("GET", "/v1/rooms/lobby/events");
  REQUIRE((all.events != nullptr && lobby.events != nullptr));
  CHECK(all.content_type == "text/event-stream");
  all.events->take(1000);
  lobby.events->take(1000);
  joined("other", "eve");
  const std::string text = all.events->take(1000);
  CHECK(text.find("\"eve\"") != std::string::npos);
  CHECK(lobby.events->pending() == 0);
  joined("lobby", "carl");
  CHECK(lobby.events->take(1000).find("carl") != std::string::npos);

  http::Request again;
  again.method = "GET";
  again.path = "/v1/events";
  again.headers = {{"authorization", std::string("Bearer ") + kToken},
                   {"last-event-id", text.substr(4, text.find('\n') - 4)}};
  const std::string resumed = f.api.handle(again).events->take(1000);
  CHECK(resumed.find("\"eve\"") == std::string::npos);
  CHECK(resumed.find("carl") != std::string::npos);
}

TEST_CASE("control API: event streams need a token, are limited, and end when the tokens change") {
  Fixture f;
  http::Request stranger;
  stranger.method = "GET";
  stranger.path = "/v1/events";
  CHECK(f.api.handle(stranger).status == 401);
  const auto first = f.send("GET", "/v1/events");
  for (size_t i = 1; i < EventLog::kMaxStreams; ++i) CHECK(f.send("GET", "/v1/events").status == 200);
  CHECK(f.send("GET", "/v1/events").status == 503);
  f.api.configure({.tokens = {"another token, older", kToken}, .hosts = http::HostNames()});
  CHECK(!first.events->ended());
  f.api.configure({.tokens = {kToken}, .hosts = http::HostNames()});
  CHECK(first.events->ended());
  CHECK(f.send("GET", "/v1/events").status == 200);
}

TEST_CASE("control API: the rooms are listed with their players and versions") {
  Fixture f;
  const json rooms = json::parse(f.send("GET", "/v1/rooms").body);
  REQUIRE(rooms["rooms"].size() == 1);
  CHECK(rooms["rooms"][0]["room"] == "lobby");
  CHECK(rooms["rooms"][0]["players"] == 2);
  CHECK(rooms["rooms"][0]["version"] == "0");
}

TEST_CASE("control API: a request needs one of the tokens, a known Host and no Origin") {
  Fixture f;
  http::Request request;
  request.method = "GET";
  request.path = "/v1/rooms";
  CHECK(f.api.handle(request).status == 401);
  for (const char* token : {kToken, "another token, older"}) {
    request.headers["authorization"] = std::string("Bearer ") + token;
    CHECK(f.api.handle(request).status == 200);
  }
  request.headers["authorization"] = std::string("Bearer ") + "a token of the gamf";
  CHECK(f.api.handle(request).status == 401);
  request.headers["authorization"] = std::string("Bearer ") + kToken;
  request.headers["host"] = "evil.example";
  CHECK(f.api.handle(request).status == 403);
  request.headers["host"] = "127.0.0.1:9902";
  request.headers["origin"] = "http://evil.example";
  CHECK(f.api.handle(request).status == 403);
}

TEST_CASE("control API: a body must be JSON") {
  Fixture f;
  http::Request request;
  request.method = "POST";
  request.path = "/v1/rooms/lobby/update";
  request.headers = {{"authorization", std::string("Bearer ") + kToken}, {"content-type", "text/plain"}};
  const auto refused = f.api.refuse(request);
  REQUIRE(refused);
  CHECK(refused->status == 415);
}

}  // namespace
}  // namespace sluice::control
