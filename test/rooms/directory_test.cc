#include "source/rooms/directory.h"

#include <doctest/doctest.h>

namespace sluice::rooms {
namespace {

class Recorder : public Observer {
 public:
  void onJoined(const PlayerPtr& player) override {
    log.push_back("+" + player->room->name() + "/" + player->id);
  }
  void onLeft(const PlayerPtr& player) override {
    log.push_back("-" + player->room->name() + "/" + player->id);
  }

  std::vector<std::string> log;
};

struct Fixture {
  explicit Fixture(Limits limits = {}) : directory(limits, 2, clock) { directory.addObserver(recorder); }

  PlayerPtr join(std::string_view room, std::string_view id) { return *directory.join(room, id, {}); }

  ManualClock clock;
  Directory directory;
  Recorder recorder;
};

TEST_CASE("players join, are found and leave; an empty room is removed") {
  Fixture f;
  Negotiated negotiated;
  negotiated.cname = "c";
  const PlayerPtr alice = *f.directory.join("lobby", "alice", negotiated);
  const PlayerPtr bob = f.join("lobby", "bob");
  CHECK(alice->negotiated.cname == "c");
  CHECK(alice->room == bob->room);
  CHECK(alice->room->name() == "lobby");
  CHECK(alice->room->workers() == 2);
  CHECK(f.directory.find("lobby", "bob") == bob);
  CHECK(f.directory.find("lobby", "carol") == nullptr);
  CHECK(f.directory.find("attic", "bob") == nullptr);
  CHECK(f.directory.players("lobby") == std::vector{alice, bob});
  CHECK(f.directory.players("attic").empty());
  REQUIRE(f.directory.rooms().size() == 1);
  CHECK(f.directory.rooms()[0].players == std::vector{alice, bob});

  CHECK(f.directory.leave(alice));
  CHECK_FALSE(f.directory.leave(alice));
  CHECK(f.directory.leave(bob));
  CHECK(f.directory.rooms().empty());
  CHECK(f.recorder.log ==
        std::vector<std::string>{"+lobby/alice", "+lobby/bob", "-lobby/alice", "-lobby/bob"});
}

TEST_CASE("a rejoin wins and the replaced player cannot remove its successor") {
  Fixture f;
  const PlayerPtr first = f.join("lobby", "alice");
  const PlayerPtr second = f.join("lobby", "alice");
  CHECK(first != second);
  CHECK(first->room == second->room);
  CHECK(f.directory.find("lobby", "alice") == second);
  CHECK(f.recorder.log == std::vector<std::string>{"+lobby/alice", "-lobby/alice", "+lobby/alice"});
  CHECK_FALSE(f.directory.leave(first));
  CHECK_FALSE(f.directory.bindSsrc(first, 5));
  CHECK(first->observed.ssrc == 0);
  CHECK(f.directory.leave(second));
}

TEST_CASE("limits refuse new players, never a rejoin") {
  Fixture f({.rooms = 2, .players_per_room = 2, .players = 3});
  f.join("a", "1");
  f.join("a", "2");
  const auto full = f.directory.join("a", "3", {});
  REQUIRE_FALSE(full.ok());
  CHECK(full.error() == Error{"room", "the room is full"});
  f.join("b", "1");
  CHECK(f.directory.join("b", "2", {}).error() == Error{"player", "too many players"});
  CHECK(f.directory.join("c", "1", {}).error() == Error{"room", "too many rooms"});
  CHECK(f.directory.join("a", "1", {}).ok());
  CHECK(f.directory.rooms().size() == 2);

  f.directory.setLimits({.rooms = 3, .players_per_room = 2, .players = 4});
  CHECK(f.directory.join("c", "1", {}).ok());
}

TEST_CASE("a room that admits no player is not created") {
  Fixture f({.players_per_room = 0});
  CHECK_FALSE(f.directory.join("a", "1", {}).ok());
  CHECK(f.directory.rooms().empty());
}

TEST_CASE("an SSRC that another player of the room uses gets a new CSRC") {
  Fixture f;
  const PlayerPtr alice = f.join("lobby", "alice");
  const PlayerPtr bob = f.join("lobby", "bob");
  const PlayerPtr carol = f.join("attic", "carol");
  CHECK_FALSE(f.directory.bindSsrc(alice, 7));
  CHECK(alice->observed.ssrc == 7);
  CHECK(alice->observed.csrc == 7);
  CHECK_FALSE(f.directory.bindSsrc(carol, 7));
  CHECK(carol->observed.csrc == 7);

  CHECK(f.directory.bindSsrc(bob, 7));
  CHECK(bob->observed.ssrc == 7);
  const uint32_t fresh = bob->observed.csrc;
  CHECK(fresh != 7);
  CHECK(fresh != 0);
  CHECK_FALSE(f.directory.bindSsrc(bob, 7));
  CHECK(bob->observed.csrc == fresh);

  CHECK_FALSE(f.directory.bindSsrc(bob, 8));
  CHECK(bob->observed.csrc == 8);
  CHECK(f.directory.leave(alice));
  CHECK_FALSE(f.directory.bindSsrc(bob, 7));
  CHECK(bob->observed.csrc == 7);
}

TEST_CASE("SSRC 0 is legal on the wire and never a CSRC") {
  Fixture f;
  const PlayerPtr alice = f.join("lobby", "alice");
  CHECK_FALSE(f.directory.bindSsrc(alice, 0));
  CHECK(alice->observed.csrc != 0);
}

TEST_CASE("players that do not connect in time are removed") {
  Fixture f({.connect_timeout = 30s});
  const PlayerPtr alice = f.join("lobby", "alice");
  f.clock.advance(20s);
  const PlayerPtr bob = f.join("lobby", "bob");
  bob->observed.connected = true;
  f.clock.advance(9s);
  f.directory.expire();
  CHECK(f.directory.players("lobby").size() == 2);
  f.clock.advance(1s);
  f.directory.expire();
  CHECK(f.directory.players("lobby") == std::vector{bob});

  const PlayerPtr again = f.join("lobby", "alice");
  f.clock.advance(29s);
  f.directory.expire();
  CHECK(f.directory.find("lobby", "alice") == again);
  f.clock.advance(1s);
  f.directory.expire();
  CHECK(f.directory.players("lobby") == std::vector{bob});
  CHECK(f.recorder.log.back() == "-lobby/alice");
}

}  // namespace
}  // namespace sluice::rooms
