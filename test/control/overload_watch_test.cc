#include "source/control/overload_watch.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::control {
namespace {

struct Fixture {
  rooms::PlayerPtr join(const std::string& room, const std::string& id, int worker = 0) {
    rooms::Negotiated negotiated;
    negotiated.slots.resize(4);
    const rooms::PlayerPtr player = *directory.join(room, id, std::move(negotiated));
    player->observed.worker = worker;
    players.push_back(player);
    return player;
  }
  // A second in which the players of a room heard as many speakers as its limit permits, at most four.
  void second() {
    clock.advance(1s);
    for (const auto& player : players) {
      const size_t heard = std::min<size_t>(4, player->room->speakerLimit());
      player->observed.packets_out += 50 * heard;
      for (size_t slot = 0; slot < 4; ++slot) player->slot_speakers[slot] = slot < heard ? 99 : 0;
    }
    watch.check();
  }
  double metric(const std::string& name, const std::string& direction = "") const {
    stats::Samples samples;
    watch.collect(samples);
    const std::string text = samples.toText(true);
    const std::string labels = "{" + (direction.empty() ? "" : "direction=" + direction) + "}";
    const size_t at = text.find(name + labels);
    REQUIRE(at != text.npos);
    return std::stod(text.substr(text.find_first_of(" ", at)));
  }

  ManualClock clock;
  rooms::Directory directory{{}, 2, clock};
  EventLog events;
  std::vector<rooms::PlayerPtr> players;
  std::vector<double> busy{0.0, 0.0};
  OverloadWatch watch{directory, clock, events, [this] { return busy; }};
};

TEST_CASE(
    "OverloadWatch: the loaded room of a saturated worker is limited, with events, until the worker "
    "recovers") {
  Fixture f;
  const auto stream = f.events.subscribe("", "");
  stream->take(1000);
  const auto ann = f.join("big", "ann"), ben = f.join("big", "ben"), eve = f.join("small", "eve");
  const auto zoe = f.join("other", "zoe", 1);
  f.second();
  f.busy[0] = 0.97;
  f.second();
  CHECK(ann->room->speakerLimit() == rooms::Room::kNoLimit);
  f.second();
  CHECK(ann->room->speakerLimit() == 3);
  CHECK(eve->room->speakerLimit() == rooms::Room::kNoLimit);
  CHECK(stream->take(1000).find("event: overload\ndata: {\"room\":\"big\",\"max_speakers\":3}") !=
        std::string::npos);
  for (int i = 0; i < 6; ++i) f.second();
  CHECK(ann->room->speakerLimit() == 1);
  CHECK(eve->room->speakerLimit() == 1);
  CHECK(zoe->room->speakerLimit() == rooms::Room::kNoLimit);
  CHECK(f.metric("sluice_overload_limited_rooms") == 2);
  f.busy[0] = 0.3;
  for (int i = 0; i < 15; ++i) f.second();
  CHECK(ann->room->speakerLimit() == rooms::Room::kNoLimit);
  CHECK(eve->room->speakerLimit() == rooms::Room::kNoLimit);
  CHECK(stream->take(10'000).find("event: overload_ended\ndata: {\"room\":\"small\"}") != std::string::npos);
  CHECK(f.metric("sluice_overload_limited_rooms") == 0);
  CHECK(f.metric("sluice_overload_steps_total", "down") == 6);
  CHECK(f.metric("sluice_overload_steps_total", "up") == 6);
}

TEST_CASE("OverloadWatch: players who leave or join in an overload change no one else's load") {
  Fixture f;
  const auto ann = f.join("big", "ann");
  f.busy[0] = 1;
  f.second();
  f.players.clear();
  f.directory.leave(ann);
  const auto ben = f.join("new", "ben");
  ben->observed.packets_out = 1'000'000;
  f.second();
  CHECK(ben->room->speakerLimit() == rooms::Room::kNoLimit);
  f.second();
  CHECK(ben->room->speakerLimit() == 3);
}

}  // namespace
}  // namespace sluice::control
