#include "source/join/api.h"

#include <doctest/doctest.h>
#include <jwt.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

namespace sluice::join {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kOffer = [] {
  std::ifstream file("test/sdp/data/chromium.sdp", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}();

std::string_view headerOf(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

json bodyOf(const http::Response& response) {
  return json::parse(response.body, nullptr, false);
}

struct Fixture {
  explicit Fixture(Options options = {}, rooms::Limits limits = {})
      : directory(limits, 2, clock),
        api(directory, clock, {}, withCandidate(options), {}, [] { return 1000; }) {}

  static Options withCandidate(Options options) {
    options.candidates = {{"127.0.0.1", 3478}};
    return options;
  }

  http::Response responseTo(std::string method, std::string_view target, std::string body = "",
                            std::string token = "") {
    http::Request request;
    request.method = std::move(method);
    size_t query = target.find('?');
    request.path = target.substr(0, query);
    while (query != target.npos) {
      const size_t equals = target.find('=', query), next = target.find('&', query + 1);
      const std::string name(target.substr(query + 1, equals - query - 1));
      request.query[name] = *http::percentDecode(target.substr(equals + 1, next - equals - 1));
      query = next;
    }
    if (!body.empty()) request.headers["content-type"] = "application/sdp";
    if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
    request.body = std::move(body);
    http::Response response = api.handle(request);
    api.finish(request, response);
    if (response.shared_body) response.body = *response.shared_body;
    return response;
  }

  ManualClock clock;
  rooms::Directory directory;
  Api api;
};

std::string sign(const std::string& secret, const std::string& room, const std::string& player) {
  jwt_t* jwt = nullptr;
  REQUIRE(jwt_new(&jwt) == 0);
  jwt_add_grant(jwt, "room", room.c_str());
  jwt_add_grant(jwt, "player", player.c_str());
  jwt_add_grant_int(jwt, "exp", 2000);
  const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
  jwt_set_alg(jwt, JWT_ALG_HS256, key, static_cast<int>(secret.size()));
  char* text = jwt_encode_str(jwt);
  const std::string token = text;
  std::free(text);
  jwt_free(jwt);
  return token;
}

TEST_CASE("without tokens, a page whose name resolves to this server cannot join") {
  Options options;
  options.hosts = http::HostNames({"game.example"});
  Fixture f(options);
  http::Request request;
  request.method = "GET";
  const auto status = [&](Api& api, const char* path, const char* host) {
    request.path = path;
    request.headers["host"] = host;
    return api.handle(request).status;
  };
  CHECK(status(f.api, "/v1/rooms", "evil.example:8080") == 403);
  CHECK(f.api.refuse(request)->status == 403);
  CHECK(status(f.api, "/", "evil.example:8080") == 404);
  for (const char* ours : {"127.0.0.1:8080", "localhost", "game.example"}) {
    CHECK(status(f.api, "/v1/rooms", ours) == 200);
  }
  options.token_secrets = {"a secret of some length"};
  Fixture with_tokens(options);
  CHECK(status(with_tokens.api, "/v1/rooms", "evil.example:8080") == 401);
}

TEST_CASE("pages of allowed origins may use the API, and can read errors") {
  Options options;
  options.allowed_origins = {"https://game.example", "http://localhost:3000"};
  options.token_secrets = {"a secret of some length"};
  Fixture f(options);
  http::Request request;
  const auto responseTo = [&](const char* method, const char* path, std::string origin) {
    request.method = method;
    request.path = path;
    request.headers["origin"] = std::move(origin);
    http::Response response = f.api.handle(request);
    f.api.finish(request, response);
    return response;
  };
  const char* kPlayer = "/v1/rooms/lobby/players/alice";
  const auto refused = responseTo("POST", kPlayer, "https://game.example");
  CHECK(refused.status == 401);
  CHECK(headerOf(refused, "Access-Control-Allow-Origin") == "https://game.example");
  CHECK(headerOf(refused, "Access-Control-Expose-Headers") == "Location, Retry-After, WWW-Authenticate");
  CHECK(headerOf(refused, "Vary") == "Origin");

  request.headers["access-control-request-method"] = "POST";
  const auto preflight = responseTo("OPTIONS", kPlayer, "http://localhost:3000");
  CHECK(preflight.status == 204);
  CHECK(headerOf(preflight, "Access-Control-Allow-Origin") == "http://localhost:3000");
  CHECK(headerOf(preflight, "Access-Control-Allow-Methods") == "OPTIONS, DELETE, POST");
  CHECK(headerOf(preflight, "Access-Control-Allow-Headers") == "Authorization, Content-Type");
  CHECK(headerOf(preflight, "Access-Control-Max-Age") == "7200");
  for (const char* path : {"/v1/rooms", "/v1/rooms/lobby", "/v1/rooms/lobby/players/alice/events",
                           "/v1/rooms/lobby/players/alice/turn"}) {
    CHECK(headerOf(responseTo("OPTIONS", path, "https://game.example"), "Access-Control-Allow-Methods") ==
          "OPTIONS, GET, HEAD");
  }
  for (const char* other :
       {"https://evil.example", "https://game.example.evil", "http://game.example", "null", ""}) {
    CAPTURE(other);
    const auto foreign = responseTo("OPTIONS", kPlayer, other);
    CHECK(headerOf(foreign, "Access-Control-Allow-Origin").empty());
    CHECK(headerOf(foreign, "Access-Control-Allow-Methods").empty());
    CHECK(headerOf(foreign, "Vary") == "Origin");
  }
  CHECK(headerOf(responseTo("GET", "/", "https://game.example"), "Access-Control-Allow-Origin").empty());

  options.allowed_origins = {"*"};
  f.api.configure(Fixture::withCandidate(options));
  CHECK(headerOf(responseTo("OPTIONS", kPlayer, "https://any.example"), "Access-Control-Allow-Origin") ==
        "*");
  options.allowed_origins = {};
  f.api.configure(Fixture::withCandidate(options));
  CHECK(
      headerOf(responseTo("OPTIONS", kPlayer, "https://any.example"), "Access-Control-Allow-Origin").empty());
}

TEST_CASE("the slots in events need the player's session, unless there are tokens") {
  Fixture f;
  const auto joined = f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  const std::string location(headerOf(joined, "Location"));
  const std::string session = location.substr(location.find('?') + 1);
  const std::string events = "/v1/rooms/lobby/players/alice/events?";
  for (const char* rate : {"0", "21", "x", "-1"}) {
    CHECK(bodyOf(f.responseTo("GET", events + session + "&audible_hz=" + rate))["field"] == "audible_hz");
  }
  const auto refused = f.responseTo("GET", events + "audible_hz=20");
  CHECK(refused.status == 403);
  CHECK(bodyOf(refused)["field"] == "session");
  const auto response = f.responseTo("GET", events + session + "&audible_hz=20");
  REQUIRE(response.status == 200);
  CHECK(response.events->take(10'000).find("event: audible") != std::string::npos);
  CHECK(f.responseTo("GET", events + session).events->take(10'000).find("event: audible") ==
        std::string::npos);
}

TEST_CASE("a player gets events with the profile for its line, and when it is removed") {
  Fixture f;
  CHECK(f.responseTo("GET", "/v1/rooms/lobby/players/alice/events").status == 404);
  REQUIRE(f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer).status == 201);
  const auto response = f.responseTo("GET", "/v1/rooms/lobby/players/alice/events");
  REQUIRE(response.status == 200);
  CHECK(response.content_type == "text/event-stream");
  REQUIRE(response.events);
  CHECK(response.events->take(1000).starts_with(":\n\n"));
  const auto alice = f.directory.find("lobby", "alice");
  f.directory.advise(alice, {8'000, 10, true, 10, 24'000});
  const std::string event = response.events->take(1000);
  CHECK(event.starts_with("event: profile\ndata: {"));
  const json profile = json::parse(event.substr(event.find('{')));
  CHECK(profile["bandwidth_hz"] == 8'000);
  CHECK(profile["frame_ms"] == 10);
  CHECK(profile["fec"] == true);
  CHECK(profile["expected_loss_percent"] == 10);
  CHECK(profile["bitrate_bps"] == 24'000);
  CHECK(bodyOf(f.responseTo("GET", "/v1/rooms/lobby"))["players"][0]["profile"] == profile);

  const auto late = f.responseTo("GET", "/v1/rooms/lobby/players/alice/events");
  CHECK(late.events->take(1000).find("event: profile") != std::string::npos);
  f.directory.leave(alice);
  CHECK(response.events->take(1000) == "event: left\ndata: {\"reason\":\"left\"}\n\n");
  CHECK(response.events->ended());
  CHECK(late.events->ended());
  f.directory.advise(alice, {});  // no player is there
}

TEST_CASE("a player's events have at most four subscribers; a rejoin ends them") {
  Fixture f;
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  std::vector<http::Response> responses;
  for (int i = 0; i < 6; ++i)
    responses.push_back(f.responseTo("GET", "/v1/rooms/lobby/players/alice/events"));
  CHECK(std::count_if(responses.begin(), responses.end(), [](const auto& a) { return !a.events->ended(); }) ==
        4);
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  for (const auto& response : responses) CHECK(response.events->ended());
}

// The data of the `room` events that are queued in a stream.
std::vector<json> roomEvents(http::EventStream& stream) {
  std::vector<json> events;
  const std::string text = stream.take(http::EventStream::kMaxPending);
  constexpr std::string_view kHead = "event: room\ndata: ";
  for (size_t at = text.find(kHead); at != text.npos; at = text.find(kHead, at)) {
    at += kHead.size();
    events.push_back(json::parse(text.substr(at, text.find('\n', at) - at)));
  }
  return events;
}

TEST_CASE("subscribers get the players of the room, then the changes, in one event per interval") {
  Fixture f;
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  const auto response = f.responseTo("GET", "/v1/rooms/lobby/players/alice/events");
  auto events = roomEvents(*response.events);
  REQUIRE(events.size() == 1);
  CHECK(events[0] == json::parse(R"({"all":true,"left":[],"players":[
      {"id":"alice","connected":false,"microphone":true,"talking":false,"csrc":0}]})"));
  f.api.publishRooms();
  CHECK(roomEvents(*response.events).empty());

  f.responseTo("POST", "/v1/rooms/lobby/players/bob", kOffer);
  f.responseTo("POST", "/v1/rooms/lobby/players/carol", kOffer);
  f.responseTo("POST", "/v1/rooms/attic/players/dora", kOffer);
  const rooms::PlayerPtr alice = f.directory.find("lobby", "alice");
  auto& observed = alice->observed;
  observed.connected = true;
  observed.csrc = 7;
  observed.last_voice_ns = f.clock.now().time_since_epoch().count();
  f.api.publishRooms();
  events = roomEvents(*response.events);
  REQUIRE(events.size() == 1);
  CHECK(events[0]["all"] == false);
  CHECK(events[0]["players"].size() == 3);
  CHECK(events[0]["players"][0] ==
        json::parse(R"({"id":"alice","connected":true,"microphone":true,"talking":true,"csrc":7})"));

  f.clock.advance(400ms);
  f.responseTo("DELETE", "/v1/rooms/lobby/players/bob");
  f.api.publishRooms();
  events = roomEvents(*response.events);
  REQUIRE(events.size() == 1);
  CHECK(events[0]["left"] == json::parse(R"(["bob"])"));
  REQUIRE(events[0]["players"].size() == 1);
  CHECK(events[0]["players"][0]["talking"] == false);
}

TEST_CASE("a player that only listens is marked") {
  Fixture f;
  std::string offer = kOffer;
  const size_t at = offer.find("a=sendonly");
  REQUIRE(at != offer.npos);
  offer.replace(at, 10, "a=inactive");
  REQUIRE(f.responseTo("POST", "/v1/rooms/lobby/players/alice", offer).status == 201);
  CHECK(bodyOf(f.responseTo("GET", "/v1/rooms/lobby"))["players"][0]["microphone"] == false);
  const auto response = f.responseTo("GET", "/v1/rooms/lobby/players/alice/events");
  CHECK(roomEvents(*response.events)[0]["players"][0]["microphone"] == false);
}

TEST_CASE("a large room is listed over several intervals, so that no stream overflows") {
  Fixture f({}, {.players_per_room = 1000});
  const std::string name(60, 'n');
  const auto add = [&](int i) {
    REQUIRE(f.directory.join("lobby", name + std::to_string(1000 + i), {}).ok());
  };
  for (int i = 0; i < 400; ++i) add(i);
  const auto response = f.responseTo("GET", "/v1/rooms/lobby/players/" + name + "1000/events");
  std::set<std::string> listed;
  size_t starts = 0;
  const auto read = [&] {
    for (const json& event : roomEvents(*response.events)) {
      starts += event["all"] == true;
      CHECK(event["players"].size() <= RoomFeed::kMaxPlayersInEvent);
      for (const json& player : event["players"]) listed.insert(player["id"]);
    }
  };
  read();
  CHECK(listed.size() == RoomFeed::kMaxPlayersInEvent);
  for (int i = 400; i < 800; ++i) add(i);
  for (int i = 0; i < 10; ++i) {
    f.api.publishRooms();
    read();
  }
  CHECK(listed.size() == 800);
  CHECK(starts == 1);
  CHECK_FALSE(response.events->ended());
}

TEST_CASE("the left event gives the reason") {
  Fixture f({}, {.connect_timeout = 30s});
  const auto reason = [&](auto&& depart) {
    f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
    const auto response = f.responseTo("GET", "/v1/rooms/lobby/players/alice/events");
    response.events->take(1000);
    depart();
    return response.events->take(1000);
  };
  const auto alice = [&] { return f.directory.find("lobby", "alice"); };
  const auto text = [](const char* why) {
    return "event: left\ndata: {\"reason\":\"" + std::string(why) + "\"}\n\n";
  };
  CHECK(reason([&] { f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer); }) == text("replaced"));
  CHECK(reason([&] { f.responseTo("DELETE", "/v1/rooms/lobby/players/alice"); }) == text("left"));
  CHECK(reason([&] { f.directory.leave(alice(), rooms::Departure::kSessionEnded); }) ==
        text("session_ended"));
  CHECK(reason([&] {
          f.clock.advance(30s);
          f.directory.expire();
        }) == text("not_connected"));
}

TEST_CASE("events of another player require that player's token") {
  Options options;
  options.token_secrets = {"a secret of sixteen bytes"};
  Fixture f(options);
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer,
               sign(options.token_secrets[0], "lobby", "alice"));
  CHECK(f.responseTo("GET", "/v1/rooms/lobby/players/alice/events").status == 401);
  const std::string bobs = sign(options.token_secrets[0], "lobby", "bob");
  CHECK(f.responseTo("GET", "/v1/rooms/lobby/players/alice/events", "", bobs).status == 403);
  const std::string alices = sign(options.token_secrets[0], "lobby", "alice");
  CHECK(f.responseTo("GET", "/v1/rooms/lobby/players/alice/events", "", alices).status == 200);
}

TEST_CASE("a player joins with an offer and leaves at the Location") {
  Fixture f;
  const auto joined = f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  REQUIRE(joined.status == 201);
  CHECK(joined.content_type == "application/sdp");
  CHECK(joined.body.starts_with("v=0\r\n"));
  const std::string location(headerOf(joined, "Location"));
  CHECK(location.starts_with("/v1/rooms/lobby/players/alice?session="));

  const auto player = f.directory.find("lobby", "alice");
  REQUIRE(player);
  const rooms::Negotiated& negotiated = player->negotiated;
  CHECK(negotiated.local.ufrag.size() == 8);
  CHECK(negotiated.local.password.size() == 24);
  CHECK(joined.body.find("a=ice-ufrag:" + negotiated.local.ufrag + "\r\n") != std::string::npos);
  REQUIRE(negotiated.slots.size() == 8);
  for (const rooms::Slot& slot : negotiated.slots) CHECK(slot.ssrc != 0);
  CHECK(negotiated.slots[0].ssrc != negotiated.slots[1].ssrc);

  CHECK(f.responseTo("DELETE", location).status == 204);
  CHECK(f.directory.rooms().empty());
  CHECK(f.responseTo("DELETE", location).status == 404);
}

TEST_CASE("TURN credentials are for the token's player, expire with the token, and are valid") {
  constexpr const char* kTurn = "/v1/rooms/lobby/players/alice/turn";
  const std::string secret(32, 's');
  const auto store = std::make_shared<const credentials::Store>(
      credentials::Options{
          .users = {}, .shared_secrets = {"a shared secret"}, .ttl = std::chrono::seconds{3600}},
      [] { return 1000; });
  CHECK(Fixture().responseTo("GET", kTurn).status == 404);  // no TURN server is configured
  Options options;
  options.turn_uris = {"turn:192.0.2.1:3478?transport=udp"};
  options.credentials = store;
  CHECK(bodyOf(Fixture(options).responseTo("GET", kTurn))["ttl"] == 3600);  // without tokens
  options.token_secrets = {secret};
  Fixture f(options);
  CHECK(f.responseTo("GET", kTurn).status == 401);
  CHECK(f.responseTo("GET", kTurn, "", sign(std::string(32, 'x'), "lobby", "alice")).status == 401);
  CHECK(f.responseTo("GET", kTurn, "", sign(secret, "lobby", "bob")).status == 403);
  CHECK(f.responseTo("GET", kTurn, "", sign(secret, "arena", "alice")).status == 403);
  // Names have no slash, so room/player is one user only.
  CHECK(f.responseTo("GET", "/v1/rooms/a%2Fb/players/c/turn", "", sign(secret, "a/b", "c")).status == 400);
  CHECK(f.responseTo("GET", "/v1/rooms/a/players/b%2Fc/turn", "", sign(secret, "a", "b/c")).status == 400);

  const auto response = f.responseTo("GET", kTurn, "", sign(secret, "lobby", "alice"));
  CHECK(response.status == 200);
  const json body = bodyOf(response);
  CHECK(body["ttl"] == 1000);  // the token's exp is 2000
  CHECK(body["username"] == "2000:lobby/alice");
  CHECK(body["uris"] == json(options.turn_uris));
  const std::string username = body["username"], password = body["password"];
  CHECK(store->account(username) == "lobby/alice");
  const auto key = credentials::keyOf(username, "realm", password, credentials::Algorithm::kSha256);
  CHECK(store->authenticate({username, "realm", credentials::Algorithm::kSha256}, credentials::Use::kBegin,
                            [&](Bytes known) { return std::ranges::equal(known, key); }));
}

TEST_CASE("DELETE of an old connection does not end the player's new one") {
  Fixture f;
  const auto first = f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  const auto second = f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  CHECK(f.directory.players("lobby").size() == 1);
  CHECK(f.responseTo("DELETE", headerOf(first, "Location")).status == 404);
  CHECK(f.directory.players("lobby").size() == 1);
  const auto events = [&](const http::Response& joined) {
    const std::string location(headerOf(joined, "Location"));
    return f.responseTo(
        "GET", location.substr(0, location.find('?')) + "/events" + location.substr(location.find('?')));
  };
  CHECK(bodyOf(events(first))["field"] == "session");
  CHECK(events(second).status == 200);
  CHECK(f.responseTo("DELETE", headerOf(second, "Location")).status == 204);
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  CHECK(f.responseTo("DELETE", "/v1/rooms/lobby/players/alice").status == 204);
}

TEST_CASE("errors in a join request are named") {
  Fixture f({}, {.rooms = 1, .players_per_room = 1});
  const auto field = [](const http::Response& response) { return bodyOf(response).value("field", ""); };
  struct Case {
    const char* path;
    std::string body;
    int status;
    const char* field;
  };
  const Case cases[] = {
      {"/v1/rooms/a%20b/players/p", kOffer, 400, "room"},
      {"/v1/rooms//players/p", kOffer, 400, "room"},
      {"/v1/rooms/r/players/", kOffer, 400, "player"},
      {"/v1/rooms/r/players/%3Cscript%3E", kOffer, 400, "player"},
      {"/v1/rooms/r/players/p", "hello", 400, "lines[0]"},
      {"/v1/rooms/r/players/p", "v=0\r\n", 400, "media"},
      {"/v1/rooms/r/players/p", "", 415, "content-type"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path);
    const auto response = f.responseTo("POST", c.path, c.body);
    CHECK(response.status == c.status);
    CHECK(field(response) == c.field);
    CHECK(response.content_type == "application/json");
  }
  CHECK(f.directory.rooms().empty());
  CHECK(f.responseTo("POST", "/v1/rooms/" + std::string(65, 'a') + "/players/p", kOffer).status == 400);
  CHECK(f.responseTo("PUT", "/v1/rooms/r/players/p", kOffer).status == 405);

  CHECK(f.responseTo("POST", "/v1/rooms/r/players/p", kOffer).status == 201);
  const auto full = f.responseTo("POST", "/v1/rooms/r/players/q", kOffer);
  CHECK(full.status == 503);
  CHECK(field(full) == "room");
  f.api.drain(std::nullopt);
  CHECK(f.responseTo("POST", "/v1/rooms/r/players/p", kOffer).status == 503);
  CHECK(f.responseTo("DELETE", "/v1/rooms/r/players/p").status == 204);
}

// `text` with other values in some of its lines, wherever they are.
std::string edited(std::string text, const std::vector<std::pair<std::string, std::string>>& edits) {
  for (const auto& [from, to] : edits) {
    REQUIRE(text.find(from) != text.npos);
    for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
      text.replace(at, from.size(), to);
  }
  return text;
}

const std::pair<std::string, std::string> kNextVersion{"322729 2 IN", "322729 3 IN"};
const std::pair<std::string, std::string> kNewUfrag{"ice-ufrag:/F6Y", "ice-ufrag:next"};
const std::pair<std::string, std::string> kNewPassword{"1bNXH+KMFQaeBkbh47ckEJgT",
                                                       "another+password+of+24ch"};

struct RestartFixture : Fixture, rooms::Observer {
  RestartFixture() {
    directory.addObserver(*this);
    first = join(kOffer);
  }
  ~RestartFixture() override { directory.removeObserver(*this); }
  void onJoined(const rooms::PlayerPtr&) override { ++joined; }
  void onLeft(const rooms::PlayerPtr&) override { ++left; }
  void onIceRestart(const rooms::PlayerPtr&, const rooms::IceCredentials& local) override {
    restarts.push_back(local);
  }
  http::Response join(const std::string& offer) {
    return responseTo("POST", "/v1/rooms/lobby/players/alice", offer);
  }
  rooms::PlayerPtr alice() { return directory.find("lobby", "alice"); }

  int joined = 0, left = 0;
  std::vector<rooms::IceCredentials> restarts;
  http::Response first;
};

TEST_CASE(
    "an ICE restart keeps the player, its Location and all of the answer except credentials and version") {
  RestartFixture f;
  const auto player = f.alice();
  const auto restarted = f.join(edited(kOffer, {kNextVersion, kNewUfrag, kNewPassword}));
  REQUIRE(restarted.status == 201);
  CHECK(headerOf(restarted, "Location") == headerOf(f.first, "Location"));
  CHECK(f.alice() == player);
  CHECK((f.joined == 1 && f.left == 0));
  REQUIRE(f.restarts.size() == 1);
  CHECK(f.restarts[0].ufrag != player->negotiated.local.ufrag);
  CHECK(restarted.body == edited(f.first.body, {{player->negotiated.local.ufrag, f.restarts[0].ufrag},
                                                {player->negotiated.local.password, f.restarts[0].password},
                                                {" 1 IN IP4 127.0.0.1", " 2 IN IP4 127.0.0.1"}}));
  CHECK(player->signalled.remote.ufrag == "next");
  CHECK(player->signalled.local == std::vector{player->negotiated.local, f.restarts[0]});
  CHECK(f.responseTo("DELETE", headerOf(f.first, "Location")).status == 204);
}

TEST_CASE("an ICE restart succeeds while the server drains and while the room is full") {
  Fixture f({}, {.players_per_room = 1});
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  f.api.drain(std::nullopt);
  const std::string restart = edited(kOffer, {kNextVersion, kNewUfrag, kNewPassword});
  CHECK(f.responseTo("POST", "/v1/rooms/lobby/players/alice", restart).status == 201);
  CHECK(f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer).status == 503);
}

TEST_CASE("an offer for a session that is no longer the player's ends no other session") {
  RestartFixture f;
  const std::string location(headerOf(f.first, "Location"));
  const std::string restart = edited(kOffer, {kNextVersion, kNewUfrag, kNewPassword});
  CHECK(headerOf(f.responseTo("POST", location, restart), "Location") == location);
  f.join(kOffer);  // from another tab
  const auto player = f.alice();
  const auto late = f.responseTo("POST", location, restart);
  CHECK(late.status == 404);
  CHECK(late.body.find(R"("field":"session")") != std::string::npos);
  CHECK(f.alice() == player);
  CHECK(f.joined == 2);
  f.directory.leave(player);
  CHECK(f.responseTo("POST", location, restart).body.find(R"("field":"player")") != std::string::npos);
  CHECK(f.joined == 2);
}

TEST_CASE("the answer to a later offer without an ICE restart has the current credentials") {
  RestartFixture f;
  const auto again = f.join(edited(kOffer, {kNextVersion}));
  CHECK(again.body == edited(f.first.body, {{" 1 IN IP4 127.0.0.1", " 2 IN IP4 127.0.0.1"}}));
  CHECK(f.restarts.empty());
  CHECK(f.joined == 1);
}

TEST_CASE("an offer of another connection, or one that changes more than ICE, starts a new connection") {
  const std::vector<std::pair<std::string, std::string>> changes[] = {
      {{"3639030942838322729 2 IN", "3639030942838322730 3 IN"}},    // another RTCPeerConnection
      {},                                                            // no higher version
      {kNextVersion, {"sha-256 ", "sha-256 00:"}},                   // another certificate, see below
      {kNextVersion, {"a=mid:8", "a=mid:9"}, {" 7 8\r", " 7 9\r"}},  // another media section
      {kNextVersion, {"rtpmap:111 opus", "rtpmap:112 opus"}, {" 111 63", " 112 63"}},
      {kNextVersion, {"setup:actpass", "setup:passive"}},
      {kNextVersion, {"s=-\r\n", "s=-\r\na=tls-id:an-id-of-twenty-characters\r\n"}},
  };
  for (auto edits : changes) {
    for (auto& [from, to] : edits) {
      if (to != "sha-256 00:") continue;
      const size_t at = kOffer.find("sha-256 ");
      from = kOffer.substr(at, 10);
      to = from == "sha-256 00" ? "sha-256 01" : "sha-256 00";
    }
    edits.push_back(kNewUfrag);
    edits.push_back(kNewPassword);
    RestartFixture f;
    const auto fresh = f.join(edited(kOffer, edits));
    CHECK(fresh.status == 201);
    CHECK(headerOf(fresh, "Location") != headerOf(f.first, "Location"));
    CHECK(f.restarts.empty());
    CHECK((f.joined == 2 && f.left == 1));
  }
  // RFC 8839 section 4.4.1.1.1: a restart changes both.
  for (const auto& half : {kNewUfrag, kNewPassword}) {
    RestartFixture f;
    f.join(edited(kOffer, {kNextVersion, half}));
    CHECK(f.restarts.empty());
    CHECK(f.joined == 2);
  }
}

TEST_CASE("players are notified of a drain, including later subscribers") {
  Fixture f;
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  const auto early = f.responseTo("GET", "/v1/rooms/lobby/players/alice/events");
  early.events->take(1000);
  f.api.drain(30s);
  CHECK(early.events->take(1000) == "event: draining\ndata: {\"ends_within_s\":30}\n\n");
  const auto late = f.responseTo("GET", "/v1/rooms/lobby/players/alice/events");
  CHECK(late.events->take(1000).find("event: draining") != std::string::npos);
  f.api.drain(std::nullopt);
  CHECK(early.events->take(1000) == "event: draining\ndata: {}\n\n");
}

TEST_CASE("rooms and their players are listed") {
  Fixture f;
  CHECK(bodyOf(f.responseTo("GET", "/v1/rooms")) == json::parse(R"({"rooms":[]})"));
  CHECK(f.responseTo("GET", "/v1/rooms/lobby").status == 404);
  f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  f.responseTo("POST", "/v1/rooms/lobby/players/bob", kOffer);
  CHECK(bodyOf(f.responseTo("GET", "/v1/rooms")) ==
        json::parse(R"({"rooms":[{"room":"lobby","players":2}]})"));

  const rooms::PlayerPtr alice = f.directory.find("lobby", "alice");
  auto& observed = alice->observed;
  observed.connected = true;
  observed.ssrc = 7;
  observed.csrc = 8;
  observed.packets_in = 10;
  observed.packets_out = 20;
  alice->line.onRoundTrip(12'500us);
  alice->line.setDownlinkLoss(0.015);
  observed.last_voice_ns = f.clock.now().time_since_epoch().count();
  f.clock.advance(399ms);
  const auto room = f.responseTo("GET", "/v1/rooms/lobby");
  CHECK(headerOf(room, "Cache-Control") == "no-store");
  const json players = bodyOf(room)["players"];
  REQUIRE(players.size() == 2);
  CHECK(players[0] ==
        json::parse(
            R"({"id":"alice","connected":true,"ssrc":7,"csrc":8,"microphone":true,"talking":true,"slots":8,
      "packets_in":10,"packets_out":20,"rtt_ms":12.5,"loss_percent":1.5,"uplink_loss_percent":0.0,
      "profile":null})"));
  CHECK(players[1]["talking"] == false);
  f.clock.advance(1ms);
  CHECK(bodyOf(f.responseTo("GET", "/v1/rooms/lobby"))["players"][0]["talking"] == false);
}

TEST_CASE("with a secret, a token allows its player to join its room") {
  const std::string secret = "a secret of some length";
  Fixture f({.token_secrets = {secret}});
  const std::string alice = sign(secret, "lobby", "alice");
  const auto missing = f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer);
  CHECK(missing.status == 401);
  CHECK(headerOf(missing, "WWW-Authenticate") == "Bearer");
  CHECK(
      f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer, sign("wrong", "lobby", "alice")).status ==
      401);
  CHECK(f.responseTo("POST", "/v1/rooms/lobby/players/bob", kOffer, alice).status == 403);
  CHECK(f.responseTo("POST", "/v1/rooms/attic/players/alice", kOffer, alice).status == 403);
  CHECK(f.responseTo("POST", "/v1/rooms/lobby/players/alice", kOffer, alice).status == 201);
  CHECK(f.responseTo("POST", "/v1/rooms/attic/players/x", kOffer, sign(secret, "attic", "x")).status == 201);

  CHECK(f.responseTo("GET", "/v1/rooms").status == 401);
  CHECK(bodyOf(f.responseTo("GET", "/v1/rooms", "", alice))["rooms"].size() == 1);
  CHECK(f.responseTo("GET", "/v1/rooms/lobby").status == 401);
  CHECK(f.responseTo("GET", "/v1/rooms/lobby", "", alice).status == 200);
  CHECK(f.responseTo("GET", "/v1/rooms/attic", "", alice).status == 403);
  CHECK(f.responseTo("DELETE", "/v1/rooms/attic/players/x", "", alice).status == 403);
  CHECK(f.responseTo("DELETE", "/v1/rooms/lobby/players/alice").status == 401);
  CHECK(f.responseTo("DELETE", "/v1/rooms/lobby/players/alice", "", alice).status == 204);

  f.api.configure(Fixture::withCandidate({.token_secrets = {"another secret of length"}}));
  CHECK(f.responseTo("GET", "/v1/rooms/lobby", "", alice).status == 401);
}

TEST_CASE("pages are served from one folder and no other") {
  const fs::path root = fs::path(std::getenv("TEST_TMPDIR")) / "site";
  const fs::path folder = root / "page";
  fs::create_directories(folder / "sub");
  fs::create_directories(folder / ".git");
  const auto write = [](const fs::path& path, std::string_view text) { std::ofstream(path) << text; };
  write(root / "secret.txt", "secret");
  write(folder / "index.html", "<p>hello");
  write(folder / "app.js", "1");
  write(folder / "sub" / "index.html", "sub");
  write(folder / ".hidden", "hidden");
  fs::create_symlink("app.js", folder / "linked.js");  // as Kubernetes mounts files
  write(folder / ".git" / "config", "hidden");

  Fixture f({.page_directory = folder.string()});
  const auto index = f.responseTo("GET", "/");
  CHECK(index.status == 200);
  CHECK(index.body == "<p>hello");
  CHECK(index.content_type == "text/html; charset=utf-8");
  CHECK(headerOf(index, "Cache-Control") == "no-cache");
  CHECK(headerOf(index, "X-Content-Type-Options") == "nosniff");
  CHECK(headerOf(index, "Content-Security-Policy").starts_with("default-src 'self'"));
  CHECK(f.responseTo("GET", "/app.js").content_type == "text/javascript; charset=utf-8");
  CHECK(f.responseTo("GET", "/sub/").body == "sub");
  CHECK(f.responseTo("GET", "/linked.js").body == "1");
  for (const char* path :
       {"/sub", "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/sub/../../secret.txt",
        "//etc/passwd", "/.hidden", "/.git/config", "/nothing.html", "/v1/nothing"}) {
    CAPTURE(path);
    CHECK(f.responseTo("GET", path).status == 404);
  }
  CHECK(f.responseTo("POST", "/", "x").status == 405);

  write(folder / "index.html", "<p>changed");
  fs::last_write_time(folder / "index.html", fs::last_write_time(folder / "index.html") + 1s);
  CHECK(f.responseTo("GET", "/").body == "<p>changed");
  fs::remove(folder / "app.js");
  CHECK(f.responseTo("GET", "/app.js").status == 404);
  CHECK(Fixture().responseTo("GET", "/").status == 404);
  CHECK(Fixture({.page_directory = "/no/such/folder"}).responseTo("GET", "/").status == 404);
}

}  // namespace
}  // namespace sluice::join
