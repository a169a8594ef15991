#include "source/server/evidence_collector.h"

#include <doctest/doctest.h>

#include <future>

#include "source/rooms/directory.h"
#include "test/support/worker_threads.h"

namespace sluice::server {
namespace {

struct Fixture {
  Fixture() { test::addWorkers(group, 2); }
  // A player whose session, if it had one, would be on this worker.
  rooms::PlayerPtr join(const char* id, int worker) {
    const rooms::PlayerPtr player = *directory.join("lobby", id, {});
    player->observed.worker = worker;
    return player;
  }

  const RealClock clock;
  runtime::WorkerGroup group;
  rooms::Directory directory{{}, 2, clock};
  EvidenceCollector collector{clock, group};
};

TEST_CASE("EvidenceCollector: a player that is not in the room has no evidence") {
  Fixture f;
  const control::Evidence evidence = f.collector.collect(nullptr, nullptr);
  CHECK(!evidence.speaker);
  CHECK(!evidence.listener);
}

TEST_CASE("EvidenceCollector: what workers have observed of a player is in its evidence") {
  Fixture f;
  const auto speaker = f.join("ann", -1), listener = f.join("ben", -1);
  speaker->observed.connected = true;
  speaker->observed.packets_in = 7;
  speaker->observed.last_rtp_ns = f.clock.now().time_since_epoch().count();
  listener->line.setDownlinkLoss(0.25);
  const control::Evidence evidence = f.collector.collect(speaker, listener);
  REQUIRE((evidence.speaker && evidence.listener));
  CHECK(evidence.speaker_number == speaker->number);
  CHECK(!evidence.speaker->reached);
  CHECK(evidence.speaker->connected);
  CHECK(evidence.speaker->packets_in == 7);
  CHECK(evidence.speaker->since_rtp.value() < 10s);
  CHECK(!evidence.speaker->since_voice);
  CHECK(evidence.listener->loss_out == 0.25);
}

TEST_CASE("EvidenceCollector: a worker that does not reply is evidence, and does not block the caller") {
  Fixture f;
  std::promise<void> release;
  f.group.workers[0]->post([blocked = release.get_future().share()] { blocked.wait(); });
  const auto speaker = f.join("ann", 0), listener = f.join("ben", 0);
  const control::Evidence evidence =
      f.collector.collect(speaker, listener);  // returns while the worker is blocked
  CHECK(evidence.speaker->reached);
  CHECK(!evidence.speaker->worker_replied);
  CHECK(!evidence.listener->worker_replied);
  CHECK(!evidence.listener->session);
  release.set_value();
}

}  // namespace
}  // namespace sluice::server
