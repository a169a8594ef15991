#include "source/server/player_updates.h"

#include <doctest/doctest.h>

#include "test/support/worker_threads.h"

namespace sluice::server {
namespace {

using rooms::IceCredentials;
using rooms::PlayerPtr;

const IceCredentials kFirst{"first", "a password of 24 letters"};
const IceCredentials kSecond{"second", "another password of ours"};

struct Fixture {
  Fixture() { test::addWorkers(workers, 2); }

  PlayerPtr join(const std::string& id = "alice", const IceCredentials& local = kFirst) {
    rooms::Negotiated negotiated;
    negotiated.local = local;
    return *directory.join("room", id, negotiated);
  }
  // The number of workers that accept checks of the player with these credentials.
  size_t workersThatAccept(const PlayerPtr& player, const IceCredentials& ice) {
    size_t count = 0;
    for (auto& worker : workers.workers) {
      test::runOn(*worker, [&] {
        const runtime::SessionHost& host = worker->dispatcher();
        const IceCredentials* known = host.iceCredentials(*player, ice.ufrag);
        count += known != nullptr && *known == ice;
      });
    }
    return count;
  }
  static runtime::PlayerGone gone(const PlayerPtr& player) {
    return {.player = player, .reason = "idle", .remote = {}, .age = 1s, .packets_in = 0, .packets_out = 0};
  }

  ManualClock clock;
  rooms::Directory directory{{}, 2, clock};
  runtime::WorkerGroup workers;
  std::optional<PlayerUpdates> updates{std::in_place, directory, workers};
};

TEST_CASE("PlayerUpdates: every worker accepts a player's checks from the join until the departure") {
  Fixture f;
  const PlayerPtr alice = f.join();
  const PlayerPtr bob = f.join("bob", kSecond);
  CHECK(f.workersThatAccept(alice, kFirst) == 2);
  CHECK(f.workersThatAccept(alice, kSecond) == 0);
  f.directory.leave(alice);
  CHECK(f.workersThatAccept(alice, kFirst) == 0);
  CHECK(f.workersThatAccept(bob, kSecond) == 2);
}

TEST_CASE("PlayerUpdates: every worker accepts the new credentials and the old ones after an ICE restart") {
  Fixture f;
  const PlayerPtr alice = f.join();
  f.directory.restartIce(alice, kSecond, {});
  CHECK(f.workersThatAccept(alice, kFirst) == 2);
  CHECK(f.workersThatAccept(alice, kSecond) == 2);
}

TEST_CASE("PlayerUpdates: a rejoin replaces the player on every worker") {
  Fixture f;
  const PlayerPtr before = f.join();
  const PlayerPtr after = f.join("alice", kSecond);
  CHECK(before->departure == rooms::Departure::kReplaced);
  CHECK(f.workersThatAccept(before, kFirst) == 0);
  CHECK(f.workersThatAccept(after, kSecond) == 2);
}

TEST_CASE("PlayerUpdates: workers accept both credentials of a player of the previous process") {
  Fixture before;
  before.directory.restartIce(before.join(), kSecond, {});
  Descriptors none;
  Archive out(none);
  before.directory.archive(out);
  const std::string bytes = out.takeBytes();

  Fixture f;
  Archive in(asBytes(bytes), none);
  f.directory.archive(in);
  const PlayerPtr alice = f.directory.find("room", "alice");
  REQUIRE(alice != nullptr);
  CHECK(f.workersThatAccept(alice, kFirst) == 2);
  CHECK(f.workersThatAccept(alice, kSecond) == 2);
}

TEST_CASE("PlayerUpdates: a player leaves the room when its session ends") {
  Fixture f;
  const PlayerPtr alice = f.join();
  const PlayerPtr bob = f.join("bob", kSecond);
  f.updates->onSessionEnded(Fixture::gone(alice));
  CHECK(alice->departure == rooms::Departure::kSessionEnded);
  CHECK(f.directory.find("room", "alice") == nullptr);
  CHECK(f.directory.find("room", "bob") == bob);
  CHECK(f.workersThatAccept(alice, kFirst) == 0);
}

TEST_CASE("PlayerUpdates: the end of a replaced player's session does not remove the new player") {
  Fixture f;
  const PlayerPtr before = f.join();
  const PlayerPtr after = f.join("alice", kSecond);
  f.updates->onSessionEnded(Fixture::gone(before));
  CHECK(f.directory.find("room", "alice") == after);
  CHECK(before->departure == rooms::Departure::kReplaced);
  CHECK(f.workersThatAccept(after, kSecond) == 2);
}

TEST_CASE("PlayerUpdates: no worker receives updates after the object is destroyed") {
  Fixture f;
  f.updates.reset();
  const PlayerPtr alice = f.join();
  CHECK(f.workersThatAccept(alice, kFirst) == 0);
}

}  // namespace
}  // namespace sluice::server
