#include "source/control/player_watch.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::control {
namespace {

struct Fixture {
  rooms::PlayerPtr join(const std::string& id) { return *directory.join("lobby", id, {}); }
  void speak(const rooms::PlayerPtr& player) {
    player->observed.last_voice_ns = clock.now().time_since_epoch().count();
  }
  void check(Duration after = PlayerWatch::kInterval) {
    clock.advance(after);
    watch.check();
  }
  // The names of the events since the last call, and for each the JSON of its data if `with_data`.
  std::string events(bool with_data = false) {
    std::string text = stream->take(1 << 20), out;
    while (!text.empty()) {
      const size_t event = text.find("event: "), end = text.find("\n\n");
      std::string block = text.substr(event + 7, end - event - 7);
      text.erase(0, end + 2);
      const size_t line = block.find('\n');
      if (!out.empty()) out += " ";
      out += block.substr(0, line);
      if (with_data) out += block.substr(line + 7);
    }
    return out;
  }

  ManualClock clock;
  rooms::Directory directory{{}, 1, clock};
  EventLog log;
  std::shared_ptr<http::EventStream> stream = [this] {
    auto subscribed = log.subscribe("", "");
    subscribed->take(1 << 20);
    return subscribed;
  }();
  PlayerWatch watch{directory, clock, log};
};

TEST_CASE("PlayerWatch: joining, connecting and leaving are events, each once") {
  Fixture f;
  const auto ann = f.join("ann");
  CHECK(f.events(true) == R"(joined{"room":"lobby","player":"ann"})");
  f.check();
  CHECK(f.events() == "");
  ann->observed.connected = true;
  f.check();
  f.check();
  CHECK(f.events() == "connected");
  f.directory.leave(ann);
  CHECK(f.events(true) == R"(left{"room":"lobby","player":"ann","reason":"left"})");
}

TEST_CASE("PlayerWatch: the reason says why a player left") {
  Fixture f;
  using rooms::Departure;
  const std::pair<Departure, const char*> cases[] = {{Departure::kNotConnected, "not_connected"},
                                                     {Departure::kSessionEnded, "session_ended"},
                                                     {Departure::kKicked, "kicked"}};
  for (const auto& [departure, reason] : cases) {
    const auto ann = f.join("ann");
    f.events();
    f.directory.leave(ann, departure);
    CHECK(f.events(true).find(std::string(R"("reason":")") + reason) != std::string::npos);
  }
  f.join("ann");
  f.events();
  f.join("ann");
  CHECK(f.events() == "left joined");
}

TEST_CASE("PlayerWatch: speech is an event with the next check, and its end 400 ms after the last voice") {
  Fixture f;
  const auto ann = f.join("ann");
  f.events();
  for (int i = 0; i < 20; ++i) {
    f.speak(ann);
    f.check();
  }
  CHECK(f.events() == "speaking_started");
  f.check(400ms);
  CHECK(f.events() == "speaking_stopped");
  f.check(10s);
  CHECK(f.events() == "");
}

TEST_CASE("PlayerWatch: a mute is an event when it begins, when it changes and when it ends by itself") {
  Fixture f;
  const auto ann = f.join("ann");
  f.events();
  f.watch.setMuted(ann->number, f.clock.now() + 2s);
  CHECK(f.events(true) == R"(muted{"room":"lobby","player":"ann","ends_in_s":2})");
  f.check(1s);
  CHECK(f.events() == "");
  f.check(1s);
  CHECK(f.events() == "unmuted");
  f.watch.setMuted(ann->number, Instant::max());
  CHECK(f.events(true) == R"(muted{"room":"lobby","player":"ann"})");
  f.watch.setMuted(ann->number, Instant::max());
  CHECK(f.events() == "");
  f.watch.setMuted(ann->number, Instant{});
  CHECK(f.events() == "unmuted");
  f.watch.setMuted(ann->number, Instant{});
  f.watch.setMuted(ann->number + 1, Instant::max());
  CHECK(f.events() == "");
}

TEST_CASE("PlayerWatch: a quality that lasts three seconds is an event, a short one is not") {
  Fixture f;
  const auto ann = f.join("ann");
  f.events();
  const auto checkFor = [&](int seconds) {
    for (int i = 0; i < 20 * seconds; ++i) f.check();
  };
  ann->line.setDownlinkLoss(0.2);
  checkFor(2);
  ann->line.setDownlinkLoss(0);
  checkFor(2);
  CHECK(f.events() == "");
  ann->line.setDownlinkLoss(0.125);
  ann->line.onRoundTrip(250ms);
  checkFor(3);
  const std::string text = f.events(true);
  CHECK(text.starts_with("quality"));
  CHECK(text.find(R"("level":"POOR")") != std::string::npos);
  CHECK(text.find(R"("loss_out_percent":12.5)") != std::string::npos);
  CHECK(text.find(R"("rtt_ms":250)") != std::string::npos);
  ann->line.setDownlinkLoss(0);
  checkFor(3);
  CHECK(f.events(true).find(R"("level":"FAIR")") != std::string::npos);
  ann->line.onRoundTrip(20ms);
  checkFor(3);
  CHECK(f.events(true).find(R"("level":"GOOD")") != std::string::npos);
}

TEST_CASE("PlayerWatch: after a takeover, the first check reports what has changed meanwhile") {
  Fixture old;
  const auto ann = old.join("ann");
  old.speak(ann);
  old.watch.setMuted(ann->number, old.clock.now() + 300ms);
  old.check();
  CHECK(old.events() == "joined muted speaking_started");

  ann->observed.connected = true;  // not reported yet
  Descriptors none;
  Archive out(none);
  out(old.directory, old.watch);
  const std::string bytes = out.takeBytes();
  rooms::Directory directory{{}, 1, old.clock};
  PlayerWatch fresh(directory, old.clock, old.log);
  Archive in(asBytes(bytes), none);
  in(directory, fresh);
  REQUIRE(in.ok());
  old.events();
  old.clock.advance(500ms);
  fresh.check();
  CHECK(old.events() == "connected speaking_stopped unmuted");
}

}  // namespace
}  // namespace sluice::control
