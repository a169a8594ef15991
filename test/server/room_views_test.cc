#include "source/server/room_views.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "source/control/history.h"
#include "source/control/room_states.h"
#include "test/control/fake_state_sink.h"
#include "test/control/no_evidence.h"

namespace sluice::server {
namespace {

using nlohmann::json;

struct Fixture {
  rooms::PlayerPtr join(const std::string& room, const std::string& id) {
    const auto player = directory.join(room, id, {});
    REQUIRE(player.ok());
    return *player;
  }

  ManualClock clock;
  rooms::Directory directory{{}, 1, clock};
  test::FakeStateSink sink;
  control::RoomStates states{directory, clock, sink};
  test::NoEvidence evidence;
  control::History history{clock};
  const RoomViews views{directory, clock, {directory, states, evidence, history}};
};

TEST_CASE("rooms with lossy players are first, then those with the most players") {
  Fixture f;
  CHECK(f.views.rooms(10).dump() == R"({"lossy":0,"players":0,"rooms":[],"total":0})");
  f.join("a", "ada");
  f.join("b", "ada");
  f.join("b", "ben")->line.setDownlinkLoss(0.049);
  const auto lossy = f.join("c", "ada");
  lossy->line.setRoutedLoss(0.05);
  lossy->observed.connected = true;
  const json all = f.views.rooms(10);
  CHECK(all["total"] == 3);
  CHECK(all["players"] == 4);
  CHECK(all["lossy"] == 1);
  std::string order;
  for (const json& room : all["rooms"]) order += room["room"].get<std::string>();
  CHECK(order == "cba");
  CHECK(all["rooms"][0] ==
        json{{"room", "c"}, {"players", 1}, {"connected", 1}, {"talking", 0}, {"lossy", 1}});
  CHECK(f.views.rooms(1)["rooms"].size() == 1);
  CHECK(f.views.rooms(1)["total"] == 3);
}

TEST_CASE("a room has its players with their lines, and the level of those who talk") {
  Fixture f;
  CHECK_FALSE(f.views.room("lobby", 10));
  const auto ada = f.join("lobby", "ada");
  f.join("lobby", "ben");
  ada->line.onRoundTrip(30ms);
  ada->line.setDownlinkLoss(0.021);
  ada->observed.packets_in = 5;
  ada->observed.worker = 1;
  ada->observed.loudness = 97;
  f.clock.advance(1s);
  ada->observed.last_voice_ns = f.clock.now().time_since_epoch().count();
  const json room = *f.views.room("lobby", 10);
  CHECK(room["total"] == 2);
  CHECK(room["players"][0] == json{{"id", "ada"},
                                   {"connected", false},
                                   {"microphone", false},
                                   {"slots", 0},
                                   {"talking", true},
                                   {"level_dbov", -30},
                                   {"packets_in", 5},
                                   {"packets_out", 0},
                                   {"rtt_ms", 30.0},
                                   {"loss_percent", 2.1},
                                   {"uplink_loss_percent", 0.0},
                                   {"worker", 1}});
  CHECK(room["players"][1]["level_dbov"].is_null());
  CHECK(room["players"][1]["worker"].is_null());
  f.clock.advance(1s);
  CHECK((*f.views.room("lobby", 10))["players"][0]["level_dbov"].is_null());
  const json first = *f.views.room("lobby", 1);
  CHECK(first["players"].size() == 1);
  CHECK(first["total"] == 2);
}

TEST_CASE("the matrix and the explanation are those of the control API") {
  Fixture f;
  f.join("lobby", "ada");
  f.join("lobby", "ben");
  const json matrix = json::parse(f.views.matrix("lobby").body);
  CHECK(matrix["speakers"][0]["listeners"] == json::array({"ben"}));
  CHECK(f.views.matrix("nowhere").status == 404);
  http::Request request;
  request.query = {{"speaker", "ada"}, {"listener", "ben"}};
  CHECK(json::parse(f.views.explain("lobby", request).body)["cause"] == "speaker_offers_no_voice");
}

}  // namespace
}  // namespace sluice::server
