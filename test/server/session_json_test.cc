#include "source/server/session_json.h"

#include <nlohmann/json.hpp>

#include "test/runtime/dispatcher_fixture.h"

namespace sluice::server {
namespace {

using namespace runtime;
using nlohmann::json;
using Query = admin::Backend::SessionQuery;

constexpr std::array<std::string_view, 1> kReasons{"too_large"};

struct Fixture : DispatcherFixture {
  Fixture() : Fixture(Options{}) {}
  explicit Fixture(const Options& options) : DispatcherFixture(options) {
    type.schema.drops = kReasons;
    filter_stats.drops = std::vector<stats::Counter>(kReasons.size());
  }
  json shown() const { return describe(*find(kAlice), 3, clock.now()); }
};

// The filter drops STUN messages and passes others on.
const Hook kDropped = [](chain::FilterContext& context, net::PacketPtr&& packet) {
  if (packet->kind == PacketKind::kStun) return context.drop(std::move(packet), 0);
  context.ingress(std::move(packet));
};

TEST_CASE("describe: a session without a player has no room, no version and no drops") {
  Fixture f;
  f.hook = kTakeInSilence;
  f.receive(kAlice, check());
  f.clock.advance(1500ms);
  f.receive(kAlice, kVoice);
  f.clock.advance(250ms);
  const json expected{{"id", f.find(kAlice)->id()},
                      {"worker", 3},
                      {"listener", "listener"},
                      {"chain", "chain"},
                      {"remote", "192.0.2.1:5000"},
                      {"local", "198.51.100.1:3478"},
                      {"authenticated", false},
                      {"generation", 1},
                      {"age_ms", 1750},
                      {"idle_ms", 250},
                      {"packets_in", 2},
                      {"packets_out", 0},
                      {"drops", json::array()},
                      {"addresses", json::array({{{"remote", "192.0.2.1:5000"}, {"authenticated", false}}})},
                      {"filters", {{"hook", json::object()}}}};
  CHECK(f.shown().dump(1) == expected.dump(1));
}

TEST_CASE("describe: a chain that does not authenticate shows null for the session") {
  Fixture f({.authenticates = false});
  f.receive(kAlice, kVoice);
  CHECK(f.shown()["authenticated"].is_null());
}

TEST_CASE("describe: a player's session names the room, the player and each address of the client") {
  Fixture f;
  const auto player = f.player("ours");
  player->line.onRoundTrip(12'500us);
  f.receive(kAlice, check("ours:theirs"));
  f.hook = kTakeInSilence;
  f.receive(kBob, check("ours:theirs"));
  const json shown = f.shown();
  CHECK(shown["room"] == "room");
  CHECK(shown["player"] == "ours");
  CHECK(shown["player_number"] == player->number);
  CHECK(shown["rtt_ms"] == 12.5);
  CHECK(shown["authenticated"] == true);
  CHECK(shown["remote"] == "192.0.2.1:5000");
  const json addresses{{{"remote", "192.0.2.1:5000"}, {"authenticated", true}},
                       {{"remote", "192.0.2.2:5000"}, {"authenticated", false}}};
  CHECK(shown["addresses"].dump() == addresses.dump());
}

TEST_CASE("describe: drops name their reason, and the filter unless the listener dropped the packet") {
  Fixture f;
  f.hook = kDropped;
  f.receive(kAlice, check());
  f.receive(kAlice, check());
  f.clock.advance(1s);
  f.receive(kAlice, kVoice);
  f.clock.advance(40ms);
  const json drops{{{"filter", "hook"}, {"reason", "too_large"}, {"packets", 2}},
                   {{"reason", "unhandled"}, {"packets", 1}}};
  CHECK(f.shown()["drops"].dump() == drops.dump());
  CHECK(f.shown()["last_drop"].dump() == json{{"reason", "unhandled"}, {"ago_ms", 40}}.dump());
  f.receive(kAlice, check());
  const json last{{"filter", "hook"}, {"reason", "too_large"}, {"ago_ms", 0}};
  CHECK(f.shown()["last_drop"].dump() == last.dump());
}

TEST_CASE("describe: a session shows the version of its chain and the generation that it has adopted") {
  Fixture f;
  f.chain_version = "canary";
  f.publish(7);
  f.sweepAfter(0s);
  f.port->listener = f.generation->listeners[0];
  f.receive(kAlice, check());
  CHECK(f.shown()["version"] == "canary");
  CHECK(f.shown()["generation"] == 7);
}

TEST_CASE("describe: the fields of each filter appear under its name") {
  Fixture f;
  f.description = {{"state", "ready"}, {"slot[0].speaker", "12"}};
  f.receive(kAlice, check());
  const json expected{{"hook", {{"state", "ready"}, {"slot[0].speaker", "12"}}}};
  CHECK(f.shown()["filters"].dump() == expected.dump());
}

TEST_CASE("matches: each field of a query selects sessions, and an empty field matches every session") {
  Fixture f;
  f.player("ours");
  f.receive(kAlice, check("ours:theirs"));
  f.receive(kBob, check("ours:theirs"));  // a second address of the same session
  f.receive(kCarol, check());
  struct Case {
    Query query;
    bool player, other;  // whether the player's session and the other one match
  };
  const Case cases[] = {
      {{}, true, true},
      {{.player = "ours"}, true, false},
      {{.player = "our"}, false, false},
      {{.room = "room"}, true, false},
      {{.room = "Room"}, false, false},
      {{.player = "ours", .room = "another"}, false, false},
      {{.player = "another", .room = "room"}, false, false},
      {{.chain = "chain"}, true, true},
      {{.chain = "another"}, false, false},
      {{.listener = "listener"}, true, true},
      {{.listener = "another"}, false, false},
      {{.chain = "chain", .listener = "another"}, false, false},
      {{.client = kAlice}, true, false},
      {{.client = kAlice.withPort(0)}, true, false},
      {{.client = kAlice.withPort(5001)}, false, false},
      {{.client = kBob}, true, false},
      {{.client = kBob.withPort(0)}, true, false},
      {{.client = kCarol.withPort(0)}, false, true},
      {{.client = kLocal}, false, false},
      {{.player = "ours", .client = kCarol}, false, false},
      {{.chain = "another", .client = kAlice}, false, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.query.player);
    CAPTURE(c.query.room);
    CAPTURE(c.query.chain);
    CAPTURE(c.query.listener);
    CAPTURE(c.query.client.toString());
    CHECK(matches(*f.find(kAlice), c.query) == c.player);
    CHECK(matches(*f.find(kCarol), c.query) == c.other);
  }
}

TEST_CASE("nameSpeakers: the name of a known player is added next to its number") {
  json session{{"player", "5"},
               {"filters",
                {{"rtp_router", {{"slot[0].speaker", "5"}, {"slot[1].speaker", "6"}, {"receivers", "5"}}},
                 {"other", {{"speaker", "5"}, {"slot.speaker.ms", "5"}, {"slot.speaker", 5}}},
                 {"idle", json::object()}}}};
  json expected = session;
  expected["filters"]["rtp_router"]["slot[0].player"] = "alice";
  nameSpeakers(session, {{"5", "alice"}, {"7", "bob"}});
  CHECK(session.dump(1) == expected.dump(1));
}

}  // namespace
}  // namespace sluice::server
