#include "source/control/history.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "source/control/explanation.h"
#include "source/rooms/directory.h"
#include "test/audibility/room_builder.h"

namespace sluice::control {
namespace {

struct Fixture {
  rooms::PlayerPtr join(const std::string& id, const std::string& room = "lobby") {
    return *directory.join(room, id, {});
  }
  // Adds a sample of now.
  void record(const std::vector<rooms::PlayerPtr>& players, size_t slot_of = 0,
              audibility::SnapshotPtr snapshot = nullptr) {
    History::Sample sample{.at = clock.now()};
    for (const auto& player : players) {
      PlayerEvidence evidence{.sends = true, .slots = 1, .reached = true, .connected = true, .packets_in = 7};
      if (slot_of != 0) evidence.on_slots = {static_cast<uint32_t>(slot_of)};
      evidence.since_rtp = evidence.since_voice = 10ms;
      evidence.session.emplace();
      sample.players.push_back({player, evidence});
    }
    if (snapshot) sample.rooms.emplace(players.front()->room->number(), std::move(snapshot));
    history.add(std::move(sample));
  }
  double now() const { return std::chrono::duration<double>(clock.wall().time_since_epoch()).count(); }
  std::string causeAt(double at, const char* speaker = "ann", const char* listener = "ben") const {
    const auto past = history.find(at, "lobby", speaker, listener);
    return past ? explain(past->evidence).cause() : past.error().toString();
  }

  ManualClock clock;
  rooms::Directory directory{{}, 1, clock};
  History history{clock};
};

TEST_CASE("History: the last sample at or before a moment counts") {
  Fixture f;
  CHECK(f.causeAt(-1) == "at: is before the first sample; there is none yet");
  const auto ann = f.join("ann"), ben = f.join("ben");
  f.record({ben});
  f.clock.advance(1s);
  f.record({ann, ben}, ann->number);
  f.clock.advance(1500ms);
  CHECK(f.causeAt(-2) == "speaker_not_joined");
  CHECK(f.causeAt(-1) == "");
  CHECK(f.causeAt(f.now() - 2) == "speaker_not_joined");
  CHECK(f.causeAt(f.now()) == "");
  CHECK(f.history.find(f.now() - 2, "lobby", "ann", "ben")->at ==
        doctest::Approx(f.now() - 2.5).epsilon(1e-12));
  CHECK(f.causeAt(-3) == "at: is before the first sample, 2 seconds ago");
  CHECK(f.causeAt(f.now() + 1) == "at: is in the future");
  CHECK(f.causeAt(NAN) == "at: must be a number of seconds");
  CHECK(f.causeAt(-1, "ann", "ann") == "same_player");
}

TEST_CASE("History: the rules of that moment decide, and players who have left are known") {
  Fixture f;
  const auto ann = f.join("ann"), ben = f.join("ben"), eve = f.join("eve");
  audibility::test::Room rules({audibility::test::proximity(10)});
  for (const auto& player : {ann, ben, eve}) rules.at(player->number, 0);
  f.record({ann, ben}, ann->number, rules.state.publish(f.clock.now()));
  f.clock.advance(1s);
  rules.at(ann->number, 12);
  f.record({ann, ben}, ann->number, rules.state.publish(f.clock.now()));
  f.clock.advance(1s);
  rules.at(ann->number, 0);
  f.record({ann, ben, eve}, eve->number, rules.state.publish(f.clock.now()));
  f.directory.leave(ann);
  f.directory.leave(eve);
  CHECK(f.causeAt(-2) == "");
  CHECK(f.causeAt(-1) == "out_of_range");
  CHECK(f.history.find(-1, "lobby", "ann", "ben")->evidence.decision->margin() == -2);
  CHECK(f.causeAt(0) == "no_slot");
  CHECK(f.history.find(0, "lobby", "ann", "ben")->evidence.others_on_slots ==
        std::vector<std::string>{"eve"});
}

TEST_CASE("History: ids are those of the room that is named") {
  Fixture f;
  const auto here = f.join("ann"), there = f.join("ann", "other"), ben = f.join("ben");
  f.record({there, ben});
  CHECK(f.causeAt(0) == "speaker_not_joined");
  f.record({there, here, ben}, here->number);
  CHECK(f.causeAt(0) == "");
}

TEST_CASE("History: samples older than ten minutes are forgotten, and the players who are in no other one") {
  Fixture f;
  const auto ann = f.join("ann"), ben = f.join("ben");
  f.record({ann, ben});
  for (int second = 1; second <= 700; ++second) {
    f.clock.advance(1s);
    CHECK(f.history.isDue(1));
    f.record({ben});
  }
  CHECK(f.history.samples() == 601);
  CHECK(f.history.size() == 601);
  CHECK(f.causeAt(-600) == "speaker_not_joined");
  CHECK(f.causeAt(-601) == "at: is more than ten minutes ago");
  for (int second = 1; second <= 700; ++second) {
    f.clock.advance(1s);
    CHECK(f.history.isDue(0));
    f.record({});
  }
  CHECK(f.history.size() == 0);
  CHECK(f.causeAt(-1, "ben", "ann") == "speaker_not_joined");
}

TEST_CASE("History: with many players the samples are further apart, and their number is bounded") {
  struct Case {
    int players;
    size_t samples;  // in ten minutes
  };
  for (const Case& c : {Case{300, 600}, Case{330, 300}, Case{1200, 150}}) {
    CAPTURE(c.players);
    Fixture f;
    std::vector<rooms::PlayerPtr> players;
    for (int i = 0; i < c.players; ++i) players.push_back(f.join("player-" + std::to_string(i)));
    for (int second = 0; second < 900; ++second) {
      if (f.history.isDue(players.size())) f.record(players);
      f.clock.advance(History::kInterval);
    }
    CHECK(f.history.samples() == doctest::Approx(c.samples).epsilon(0.01));
    CHECK(f.history.size() <= History::kMaxPlayers);
    CHECK(f.history.find(-595, "lobby", "player-1", "player-2").ok());
  }
}

TEST_CASE("History: overrides that change with each sample count, and shorten the time") {
  Fixture f;
  const auto ann = f.join("ann"), ben = f.join("ben");
  audibility::test::Room rules({audibility::test::proximity(10)});
  for (const auto& player : {ann, ben}) rules.at(player->number, 0);
  for (uint32_t other = 1000; other < 1100; ++other) rules.at(other, 0);
  audibility::Batch batch;
  for (uint32_t one = 1000; one < 1100; ++one) {
    for (uint32_t other = 1000; other < 1080; ++other) {
      if (one != other) batch.overrides.push_back({.speaker = one, .receiver = other, .gain = 0.5F});
    }
  }
  REQUIRE(rules.state.apply(batch, f.clock.now()).ok());
  for (int second = 0; second < 600; ++second) {
    f.record({ann, ben}, 0, rules.state.publish(f.clock.now()));
    f.clock.advance(1s);
  }
  CHECK(f.history.samples() == 600);  // they share the overrides
  for (int second = 0; second < 600; ++second) {
    rules.set({.speaker = 1000, .receiver = 1001, .gain = static_cast<float>(second % 100) / 100});
    f.record({ann, ben}, 0, rules.state.publish(f.clock.now()));
    f.clock.advance(1s);
  }
  CHECK(f.history.samples() < 200);
  CHECK(f.history.size() <= History::kMaxPlayers);
}

}  // namespace
}  // namespace sluice::control
