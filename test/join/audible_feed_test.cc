#include "source/join/audible_feed.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "test/audibility/room_builder.h"

namespace sluice::join {
namespace {

using nlohmann::json;

struct Fixture {
  rooms::PlayerPtr join(const std::string& id, size_t slots = 2) {
    rooms::Negotiated negotiated;
    for (size_t i = 0; i < slots; ++i) negotiated.slots.emplace_back().mid = std::to_string(i + 1);
    rooms::PlayerPtr player = *directory.join("lobby", id, std::move(negotiated));
    if (has_rules) rules.at(player->number, 0);
    return player;
  }
  std::shared_ptr<http::EventStream> subscribe(const rooms::PlayerPtr& player, unsigned rate = 20) {
    auto stream = std::make_shared<http::EventStream>();
    feed.subscribe(player, stream, rate);
    return stream;
  }
  // The data of the only event that is pending; null if there is none.
  static json eventOf(http::EventStream& stream) {
    std::string text = stream.take(10'000);
    if (text.empty()) return nullptr;
    REQUIRE(text.starts_with("event: audible\ndata: "));
    text.erase(0, 21);
    REQUIRE(text.find("event:") == text.npos);
    return json::parse(text);
  }
  json next(http::EventStream& stream) {
    clock.advance(AudibleFeed::kInterval);
    feed.publish();
    return eventOf(stream);
  }

  ManualClock clock;
  rooms::Directory directory{{}, 1, clock};
  bool has_rules = true;
  audibility::test::Room rules{{audibility::test::proximity(10, 2)}};
  AudibleFeed feed{directory, clock, [this](std::string_view room) {
                     CHECK(room == "lobby");
                     return has_rules ? rules.state.publish(clock.now()) : nullptr;
                   }};
};

TEST_CASE("AudibleFeed: the first event has all slots, later ones have those that change") {
  Fixture f;
  const auto ann = f.join("ann"), ben = f.join("ben");
  const auto stream = f.subscribe(ann);
  CHECK(f.eventOf(*stream) == json::parse(R"({"all": true, "slots": [{"mid": "1"}, {"mid": "2"}]})"));
  CHECK(f.next(*stream) == nullptr);
  f.rules.at(ben->number, 7);
  CHECK(f.next(*stream) == nullptr);  // ben has no slot yet
  ann->slot_speakers[1] = ben->number;
  CHECK(f.next(*stream) == json::parse(R"({"all": false, "slots": [{"mid": "2", "player": "ben", "gain": 1.0,
      "azimuth": 90.0, "elevation": 0.0, "distance": 7.0}]})"));
  CHECK(f.next(*stream) == nullptr);
  f.rules.set({.number = ben->number, .position = audibility::Vector3{0, 0, 7}});
  CHECK(f.next(*stream)["slots"][0]["azimuth"] == 180.0);
  const auto later = f.eventOf(*f.subscribe(ann));
  CHECK(later["all"] == true);
  CHECK(later["slots"][1]["player"] == "ben");
}

TEST_CASE("AudibleFeed: a slot is free while its speaker is inaudible, and after it has left") {
  Fixture f;
  const auto ann = f.join("ann", 1), ben = f.join("ben");
  const auto stream = f.subscribe(ann);
  const json free = json::parse(R"({"all": false, "slots": [{"mid": "1"}]})");
  f.eventOf(*stream);
  ann->slot_speakers[0] = ben->number;
  CHECK(f.next(*stream)["slots"][0]["player"] == "ben");
  f.rules.at(ben->number, 11.5F);  // within the hysteresis
  CHECK(f.next(*stream)["slots"][0]["distance"] == 11.5);
  f.rules.at(ben->number, 12.5F);
  CHECK(f.next(*stream) == free);
  f.rules.at(ben->number, 11.5F);
  CHECK(f.next(*stream) == nullptr);  // within the hysteresis, but no longer heard
  f.rules.at(ben->number, 5);
  CHECK(f.next(*stream)["slots"][0]["player"] == "ben");
  f.directory.leave(ben);
  f.feed.forget(*ben);
  f.rules.state.remove(ben->number);
  CHECK(f.next(*stream) == free);
  CHECK(f.next(*stream) == nullptr);
}

TEST_CASE("AudibleFeed: in a room without rules a slot has its speaker and no rendering") {
  Fixture f;
  f.has_rules = false;
  const auto ann = f.join("ann", 1), ben = f.join("ben");
  ann->slot_speakers[0] = ben->number;
  const auto stream = f.subscribe(ann);
  CHECK(f.eventOf(*stream) == json::parse(R"({"all": true, "slots": [{"mid": "1", "player": "ben"}]})"));
  f.directory.leave(ben);
  f.feed.forget(*ben);
  CHECK(f.next(*stream) == json::parse(R"({"all": false, "slots": [{"mid": "1"}]})"));
  CHECK(f.next(*stream) == nullptr);
}

TEST_CASE("AudibleFeed: changes that no one can hear cause no event, and numbers are short") {
  Fixture f;
  const auto ann = f.join("ann", 1), ben = f.join("ben");
  f.rules.at(ben->number, 3.14159F);
  f.rules.set({.speaker = ben->number, .receiver = ann->number, .gain = 0.12345F, .low_pass_hz = 799.6F});
  ann->slot_speakers[0] = ben->number;
  const auto stream = f.subscribe(ann);
  CHECK(
      f.eventOf(*stream)["slots"].dump() ==
      R"([{"azimuth":90.0,"distance":3.14,"elevation":0.0,"gain":0.123,"low_pass_hz":800.0,"mid":"1","player":"ben"}])");
  f.rules.at(ben->number, 3.1416F);
  CHECK(f.next(*stream) == nullptr);
  f.rules.at(ben->number, 3.15F);
  CHECK(f.next(*stream)["slots"][0]["distance"] == 3.15);
}

TEST_CASE("AudibleFeed: a player without slots is told that it has none") {
  Fixture f;
  const auto stream = f.subscribe(f.join("ann", 0));
  CHECK(f.eventOf(*stream) == json::parse(R"({"all": true, "slots": []})"));
  CHECK(f.next(*stream) == nullptr);
}

TEST_CASE("AudibleFeed: a voice from another world has neither direction nor distance") {
  Fixture f;
  f.rules.setRules({[] {
    audibility::Rule rule = audibility::test::rule(audibility::RuleKind::kAllow);
    rule.any_world = true;
    return rule;
  }()});
  const auto ann = f.join("ann", 1), ben = f.join("ben");
  f.rules.set({.number = ben->number, .world = "moon"});
  ann->slot_speakers[0] = ben->number;
  CHECK(f.eventOf(*f.subscribe(ann))["slots"][0] ==
        json::parse(R"({"mid": "1", "player": "ben", "gain": 1.0})"));
}

TEST_CASE("AudibleFeed: at most `rate` events a second, and none to a client that does not read") {
  Fixture f;
  const auto ann = f.join("ann", 1), ben = f.join("ben");
  ann->slot_speakers[0] = ben->number;
  struct Case {
    unsigned rate;
    int events;
  };
  float distance = 1;
  for (const Case& c : {Case{20, 20}, Case{15, 10}, Case{10, 10}, Case{1, 1}}) {
    CAPTURE(c.rate);
    const auto stream = f.subscribe(ann, c.rate);
    f.eventOf(*stream);
    int count = 0;
    for (int tick = 1; tick <= 20; ++tick) {
      f.rules.at(ben->number, distance += 0.1F);
      count += f.next(*stream) != nullptr ? 1 : 0;
    }
    CHECK(count == c.events);
  }
  const auto slow = f.subscribe(ann);
  f.rules.at(ben->number, 9.5F);
  for (int tick = 0; tick < 3; ++tick) {
    f.clock.advance(AudibleFeed::kInterval);
    f.feed.publish();
  }
  CHECK(f.eventOf(*slow)["all"] == true);
  f.rules.at(ben->number, 8);
  CHECK(f.next(*slow)["slots"][0]["distance"] == 8.0);
}

}  // namespace
}  // namespace sluice::join
