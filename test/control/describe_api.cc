// Prints the control API as JSON: its routes, some responses of each, the forms of its errors and its
// messages.
//   describe_api DESCRIPTOR_SET
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/base/log.h"
#include "source/base/result.h"
#include "source/control/api.h"
#include "source/control/event_log.h"
#include "source/control/room_states.h"
#include "source/http/message.h"
#include "source/http/router.h"
#include "source/rooms/directory.h"
#include "test/control/describe_messages.h"
#include "test/control/no_evidence.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr const char* kToken = "a token of the game";

struct NoWorkers final : control::StateSink {
  void publish(uint32_t, audibility::SnapshotPtr) override {}
  void forget(uint32_t) override {}
};

// The path of a player in a room.
std::string pathOf(std::string path, const std::string& room, const std::string& player) {
  for (const auto& [parameter, value] : {std::pair{"{room}", room}, std::pair{"{player}", player}}) {
    if (const size_t at = path.find(parameter); at != path.npos)
      path.replace(at, std::string_view(parameter).size(), value);
  }
  return path;
}

// Requests for one route: some with a mistake, the last one without.
std::vector<http::Request> requestsOf(const http::Router::Listed& route) {
  const std::string pattern(route.pattern);
  http::Request good;
  good.method = route.method;
  good.path = pathOf(pattern, "lobby", "ann");
  good.headers = {{"authorization", std::string("Bearer ") + kToken}, {"content-type", "application/json"}};
  good.query = {{"listener", "ann"}, {"speaker", "ann"}};
  good.body = "{}";
  std::vector<http::Request> all(8, good);
  all[0].headers.erase("authorization");
  all[1].headers["origin"] = "https://example.com";
  all[2].path = pathOf(pattern, "nowhere", "ann");
  all[3].path = pathOf(pattern, "%zz", "ann");
  all[4].headers["content-type"] = "text/plain";
  all[5].body = "no JSON";
  all[6].body = R"({"expected_version": "1000000"})";
  return all;
}

// The room "lobby" has one player.
struct Endpoint {
  Endpoint() {
    api.configure({.tokens = {kToken}, .hosts = http::HostNames()});
    static_cast<void>(directory.join("lobby", "ann", {}));
  }

  ManualClock clock;
  rooms::Directory directory{{}, 1, clock};
  NoWorkers workers;
  control::RoomStates states{directory, clock, workers};
  control::EventLog events;
  test::NoEvidence evidence;
  control::History history{clock};
  control::Api api{directory, states, events, evidence, history};
};

// The body of a response by status; null for one that is not JSON.
json responsesOf(const http::Router::Listed& route) {
  const Endpoint endpoint;
  json bodies = json::object();
  for (const http::Request& request : requestsOf(route)) {
    const http::Response response = endpoint.api.handle(request);
    const bool is_json = response.content_type == "application/json";
    bodies[std::to_string(response.status)] = is_json ? json::parse(response.body) : json();
  }
  return bodies;
}

json routes() {
  const Endpoint endpoint;
  json all = json::array();
  for (const auto& route : endpoint.api.routes()) {
    all.push_back({{"method", route.method},
                   {"path", route.pattern},
                   {"takes_body", route.takes_body},
                   {"responses", responsesOf(route)}});
  }
  return all;
}

// One body of each form.
json errorBodies() {
  const Errors many(100, Error{"field", "is wrong"});
  json all = json::array();
  for (const auto& response : {http::error(400, "wrong", "field"), http::errors(400, "wrong", many)}) {
    all.push_back(json::parse(response.body));
  }
  return all;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  sluice::log::init();  // not to standard output
  nlohmann::json api = sluice::test::describeMessages(argv[1], "sluice.control");
  api["routes"] = sluice::routes();
  api["errors"] = sluice::errorBodies();
  std::cout << api.dump(1) << "\n";
}
