#include "source/runtime/query_workers.h"

#include <doctest/doctest.h>

#include <future>
#include <thread>
#include <vector>

#include "test/support/worker_threads.h"

namespace sluice {
namespace {

TEST_CASE("queryWorkers: every worker replies on its own thread, in the order of the workers") {
  runtime::WorkerGroup group;
  test::addWorkers(group, 3);
  std::vector<std::thread::id> threads(3);
  const auto indices = runtime::queryWorkers<unsigned>(group, 10s, [&](runtime::WorkerThread& worker) {
    threads[worker.index()] = std::this_thread::get_id();
    return worker.index();
  });
  CHECK(indices == std::vector<unsigned>{0, 1, 2});
  for (const std::thread::id& thread : threads) CHECK(thread != std::this_thread::get_id());
  CHECK(threads[0] != threads[1]);
}

TEST_CASE("queryWorkers: a worker that does not reply in time is omitted, and the others are not") {
  runtime::WorkerGroup group;
  test::addWorkers(group, 2);
  std::promise<void> release;
  group.workers[0]->post([blocked = release.get_future().share()] { blocked.wait(); });
  const auto indices = runtime::queryWorkers<unsigned>(
      group, 100ms, [](runtime::WorkerThread& worker) { return worker.index(); });
  CHECK(indices == std::vector<unsigned>{1});
  release.set_value();
}

}  // namespace
}  // namespace sluice
