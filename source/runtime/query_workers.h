// Asks every worker for something that only its own thread may read.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "source/base/clock.h"
#include "source/runtime/worker.h"

namespace sluice::runtime {

// Calls `query(WorkerThread&)` on the worker's thread and returns the reply; nothing if there is none within
// `timeout`. `query` may still be called later and must own what it uses.
template <typename Reply, typename Query>
std::optional<Reply> queryWorker(WorkerThread& worker, Duration timeout, Query query) {
  auto promise = std::make_shared<std::promise<Reply>>();
  auto reply = promise->get_future();
  worker.post([promise, query, &worker] { promise->set_value(query(worker)); });
  if (reply.wait_for(timeout) != std::future_status::ready) return std::nullopt;
  return reply.get();
}

// Calls `query(WorkerThread&)` on each worker's thread, waits, and returns the replies in the order of the
// workers. Those that do not reply within `timeout` are omitted; `query` may still be called later and must
// own what it uses.
template <typename Reply, typename Query>
std::vector<Reply> queryWorkers(const WorkerGroup& group, Duration timeout, Query query) {
  std::vector<std::future<Reply>> replies;
  for (const auto& worker : group.workers) {
    auto promise = std::make_shared<std::promise<Reply>>();
    replies.push_back(promise->get_future());
    worker->post([promise, query, &worker] { promise->set_value(query(*worker)); });
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::vector<Reply> out;
  for (auto& reply : replies) {
    if (reply.wait_until(deadline) == std::future_status::ready) out.push_back(reply.get());
  }
  return out;
}

}  // namespace sluice::runtime
