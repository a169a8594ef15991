// Asks workers for what only their own threads may read.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <vector>

#include "source/base/clock.h"
#include "source/runtime/worker.h"

namespace sluice::runtime {

// Calls `query(WorkerThread&)` on the worker's thread, possibly after the future was destroyed: `query` must
// own what it uses.
template <typename Reply, typename Query>
std::future<Reply> postQuery(WorkerThread& worker, Query query) {
  auto promise = std::make_shared<std::promise<Reply>>();
  auto reply = promise->get_future();
  worker.post([promise, query, &worker] { promise->set_value(query(worker)); });
  return reply;
}

// Posts the query to each worker, waits, and returns the replies in the order of the workers. Those that do
// not reply within `timeout` are omitted.
template <typename Reply, typename Query>
std::vector<Reply> queryWorkers(const WorkerGroup& group, Duration timeout, Query query) {
  std::vector<std::future<Reply>> replies;
  for (const auto& worker : group.workers) replies.push_back(postQuery<Reply>(*worker, query));
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::vector<Reply> out;
  for (auto& reply : replies) {
    if (reply.wait_until(deadline) == std::future_status::ready) out.push_back(reply.get());
  }
  return out;
}

}  // namespace sluice::runtime
