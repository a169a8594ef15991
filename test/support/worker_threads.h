// Running workers without ports.
#pragma once

#include <functional>
#include <future>
#include <memory>

#include "source/runtime/worker.h"

namespace sluice::test {

inline void addWorkers(runtime::WorkerGroup& group, unsigned count,
                       const net::UdpNetworkFactory& network = net::makeSocketNetwork) {
  for (unsigned i = 0; i < count; ++i) {
    const runtime::WorkerOptions options{.index = i, .count = count, .network = network};
    group.workers.push_back(std::make_unique<runtime::WorkerThread>(options, group));
  }
  for (auto& worker : group.workers) worker->start();
}

// Runs on the worker's thread, after the tasks that this thread posted before, and waits for completion.
inline void runOn(runtime::WorkerThread& worker, const std::function<void()>& task) {
  std::promise<void> done;
  worker.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace sluice::test
