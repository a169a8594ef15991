// Rooms and players are handed over to another process.
#include <doctest/doctest.h>

#include "source/rooms/directory.h"

namespace sluice::rooms {
namespace {

struct Recorder final : Observer {
  void onJoined(const PlayerPtr& player) override { joined.push_back(player); }
  void onLeft(const PlayerPtr&) override { ++left; }
  std::vector<PlayerPtr> joined;
  int left = 0;
};

Negotiated negotiated(const std::string& ufrag) {
  Negotiated agreed;
  agreed.local = {ufrag, "our password"};
  agreed.remote = {"theirs", "their password"};
  agreed.fingerprints = {{7}};
  agreed.dtls_role = DtlsRole::kClient;
  agreed.sending.emplace();
  agreed.sending->mid = "0";
  agreed.sending->ssrcs = {1, 2};
  agreed.sending->feedback.nack = true;
  agreed.slots.resize(2);
  agreed.slots[1].ssrc = 9;
  agreed.slots[1].rtx_ssrc = 10;
  agreed.slots[1].extensions.mid = 4;
  agreed.cname = "c";
  return agreed;
}

struct Fixture {
  Fixture() {
    after.addObserver(recorder);
    alice = *before.join("lobby", "alice", negotiated("a"));
    bob = *before.join("attic", "bob", negotiated("b"));
  }
  std::string written() {
    Descriptors none;
    Archive out(none);
    before.archive(out);
    return out.takeBytes();
  }
  static bool read(Directory& directory, const std::string& bytes) {
    Descriptors none;
    Archive in(asBytes(bytes), none);
    directory.archive(in);
    return in.ok() && in.atEnd();
  }

  ManualClock clock;
  Directory before{{}, 2, clock}, after{{}, 2, clock};
  Recorder recorder;
  PlayerPtr alice, bob;
};

TEST_CASE(
    "players are handed over with their negotiated and observed state, and observers are notified of each") {
  Fixture f;
  f.alice->observed.worker = 1;
  f.alice->observed.connected = true;
  f.alice->observed.packets_in = 5;
  f.alice->observed.last_voice_ns = -3;
  f.alice->line.setRoutedLoss(0.02);
  f.before.bindSsrc(f.alice, 77);
  f.alice->slot_sequences[1].reserve(3);
  f.alice->slot_sequences[1].beginRtx(500);
  f.before.advise(f.alice, {.frame_ms = 60, .fec = true});
  f.alice->signalled.origin = {"- 1 IN IP4 127.0.0.1", 2, "an id"};
  f.alice->signalled.answer_id = 4;
  f.before.restartIce(f.alice, {"a2", "our next password"}, {"theirs2", "their next password"});
  REQUIRE(Fixture::read(f.after, f.written()));
  const PlayerPtr alice = f.after.find("lobby", "alice");
  REQUIRE(alice != nullptr);
  CHECK(f.recorder.joined == std::vector{f.after.find("attic", "bob"), alice});
  CHECK(alice->room->workers() == 2);
  CHECK(alice->number == f.alice->number);
  const Negotiated& agreed = alice->negotiated;
  CHECK(agreed.local.ufrag == "a");
  CHECK(agreed.remote.password == "their password");
  CHECK(agreed.fingerprints == f.alice->negotiated.fingerprints);
  CHECK(agreed.dtls_role == DtlsRole::kClient);
  CHECK(agreed.sending->ssrcs == std::vector<uint32_t>{1, 2});
  CHECK(agreed.sending->feedback == Feedback{.nack = true});
  CHECK(agreed.slots[1].ssrc == 9);
  CHECK(agreed.slots[1].rtx_ssrc == 10);
  CHECK(agreed.slots[1].extensions.mid == 4);
  CHECK(agreed.cname == "c");
  CHECK(alice->signalled.origin.follows({"- 1 IN IP4 127.0.0.1", 1, "an id"}));
  CHECK(alice->signalled.answer_id == 4);
  CHECK(alice->signalled.local ==
        std::vector<IceCredentials>{{"a", "our password"}, {"a2", "our next password"}});
  CHECK(alice->signalled.remote == IceCredentials{"theirs2", "their next password"});
  CHECK(alice->observed.worker == 1);
  CHECK(alice->observed.connected);
  CHECK(alice->observed.ssrc == 77);
  CHECK(alice->observed.csrc == 77);
  CHECK(alice->observed.packets_in == 5);
  CHECK(alice->observed.last_voice_ns == -3);
  CHECK(alice->line.uplinkLoss() == 0.02);
  CHECK(alice->slot_sequences[1].takeReserved() == 3);
  CHECK(alice->slot_sequences[1].nextRtx() == 500);
  REQUIRE(alice->advice);
  CHECK(alice->advice->frame_ms == 60);
  CHECK_FALSE(f.after.find("attic", "bob")->advice);
}

TEST_CASE("player numbers continue after the used ones, and conflicts continue to be counted") {
  Fixture f;
  f.before.bindSsrc(f.alice, 77);
  const PlayerPtr carol = *f.before.join("lobby", "carol", {});
  f.before.bindSsrc(carol, 77);
  const uint32_t last = Player::last_number;
  const std::string bytes = f.written();
  Player::last_number = 0;  // as in a new process
  REQUIRE(Fixture::read(f.after, bytes));
  CHECK(f.after.ssrcConflicts() == 1);
  CHECK((*f.after.join("lobby", "dave", {}))->number == last + 1);
}

TEST_CASE("limits, leaving and the connect timeout continue to work") {
  Fixture f;
  f.bob->observed.connected = true;
  f.clock.advance(20s);
  REQUIRE(Fixture::read(f.after, f.written()));
  f.after.setLimits({.players = 2});
  CHECK(f.after.join("lobby", "carol", {}).error().path == "player");
  f.clock.advance(11s);
  f.after.expire();  // alice never connected
  CHECK(f.recorder.left == 1);
  CHECK(f.after.find("lobby", "alice") == nullptr);
  CHECK(f.after.join("lobby", "carol", {}).ok());
  CHECK(f.after.leave(f.after.find("attic", "bob")));
}

TEST_CASE("a truncated directory is not read, wherever it is truncated") {
  Fixture f;
  f.before.advise(f.alice, {});
  const std::string bytes = f.written();
  size_t readable = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    Directory after({}, 2, f.clock);
    readable += Fixture::read(after, bytes.substr(0, size)) ? 1 : 0;
  }
  CHECK(readable == 0);
}

}  // namespace
}  // namespace sluice::rooms
