#include "source/server/history_recorder.h"

#include <doctest/doctest.h>

#include <functional>
#include <future>
#include <mutex>
#include <vector>

#include "test/control/fake_state_sink.h"
#include "test/support/worker_threads.h"

namespace sluice::server {
namespace {

struct Fixture {
  Fixture() {
    group.post_to_main = [this](std::function<void()> task) {
      const std::lock_guard lock(mutex);
      posted.push_back(std::move(task));
    };
    test::addWorkers(group, 2);
  }
  rooms::PlayerPtr join(const char* id, int worker) {
    const rooms::PlayerPtr player = *directory.join("lobby", id, {});
    player->observed.worker = worker;
    return player;
  }
  // Runs what the workers have posted so far.
  void runPosted() {
    for (auto& worker : group.workers) test::runOn(*worker, [] {});
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex);
      tasks.swap(posted);
    }
    for (const auto& task : tasks) task();
  }

  const RealClock clock;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  runtime::WorkerGroup group;
  rooms::Directory directory{{}, 2, clock};
  test::FakeStateSink sink;
  control::RoomStates states{directory, clock, sink};
  EvidenceCollector evidence{clock, group};
  control::History history{clock};
  HistoryRecorder recorder{{.clock = clock,
                            .rooms = directory,
                            .states = states,
                            .workers = group,
                            .evidence = evidence,
                            .history = history}};
};

TEST_CASE("HistoryRecorder: a sample has all players, and is added when the workers have replied") {
  Fixture f;
  f.join("ann", 0);
  f.join("ben", 1);
  f.recorder.tick();
  CHECK(f.history.samples() == 0);
  f.runPosted();
  REQUIRE(f.history.samples() == 1);
  CHECK(f.history.size() == 2);
  const auto past = f.history.find(0, "lobby", "ann", "ben");
  REQUIRE(past.ok());
  CHECK(past->evidence.speaker->worker_replied);
  CHECK(past->evidence.listener->worker_replied);
  CHECK(past->evidence.decision->audible());
  CHECK(!past->evidence.speaker->session);  // the worker has none
}

TEST_CASE("HistoryRecorder: a worker that does not reply until the next sample is evidence") {
  Fixture f;
  f.join("ann", 0);
  f.join("ben", 1);
  std::promise<void> release;
  f.group.workers[0]->post([blocked = release.get_future().share()] { blocked.wait(); });
  f.recorder.tick();
  test::runOn(*f.group.workers[1], [] {});
  f.recorder.tick();  // without the reply of worker 0; the one of worker 1 is not read either
  CHECK(f.history.samples() == 1);
  CHECK_FALSE(f.history.find(0, "lobby", "ann", "ben")->evidence.speaker->worker_replied);
  release.set_value();
  f.runPosted();  // replies to a sample that is complete change nothing
  CHECK(f.history.samples() == 1);
}

}  // namespace
}  // namespace sluice::server
