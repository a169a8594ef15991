// Stops the workers of a process while another process takes over, and starts those of the other process.
// Main thread. A worker that waits here reads no packets; the kernel keeps them in the sockets, which both
// processes share.
#pragma once

#include <future>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "source/runtime/worker.h"

namespace sluice::runtime {

// One worker's serialized SavedWorker, with its descriptors.
struct WorkerState {
  std::string bytes;
  std::vector<int> descriptors;
};

// Stops all workers between two packets; the constructor returns when they have stopped. They continue when
// this object is destroyed, unless handOver() was called.
class PausedWorkers {
 public:
  explicit PausedWorkers(WorkerGroup& group);
  ~PausedWorkers();
  PausedWorkers(const PausedWorkers&) = delete;
  PausedWorkers& operator=(const PausedWorkers&) = delete;

  // The state of each worker. The workers keep the descriptors. Call it only once.
  std::vector<WorkerState> save();
  // Another process owns all sessions: the workers end theirs without sending anything.
  void handOver() { settle(true); }

 private:
  void settle(bool handed_over);

  std::shared_ptr<std::latch> paused_;
  std::promise<bool> handed_over_;
  std::vector<std::future<WorkerState>> states_;
  bool settled_ = false;
};

// Workers that have loaded what another process saved, and wait until that process has stopped.
class LoadingWorkers {
 public:
  // The task for worker `i` after it has taken its ports: pass it to WorkerThread::publish(). Takes the
  // descriptors.
  std::function<void()> load(WorkerThread& worker, WorkerState state);
  struct Loaded {
    size_t kept = 0;
    std::vector<LostSession> lost;  // sessions that could not continue
  };
  // Waits until all workers have loaded; errors say which states could not be read. Call it only once.
  Result<Loaded> loaded();
  // `ours`: whether this process owns the sessions from now on; if not, the workers end them without sending
  // anything. The destructor settles with false.
  void settle(bool ours);
  LoadingWorkers() = default;
  ~LoadingWorkers();
  LoadingWorkers(const LoadingWorkers&) = delete;
  LoadingWorkers& operator=(const LoadingWorkers&) = delete;

 private:
  std::promise<bool> ours_;
  std::shared_future<bool> verdict_ = ours_.get_future().share();
  std::vector<std::future<Result<Loaded>>> loaded_;
  bool settled_ = false;
};

}  // namespace sluice::runtime
