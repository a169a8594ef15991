// The workers of one process while another one takes over from it, and the workers of that other one. Main
// thread. A worker that waits here reads no packets; the kernel keeps them in the sockets, which both
// processes share.
#pragma once

#include <future>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "source/runtime/worker.h"

namespace sluice::runtime {

// One worker's SavedWorker, and the descriptors in it.
struct WorkerState {
  std::string bytes;
  std::vector<int> descriptors;
};

// Stops all workers between two packets; returns when they have stopped. They go on at its end, unless
// handOver() was called.
class PausedWorkers {
 public:
  explicit PausedWorkers(WorkerGroup& group);
  ~PausedWorkers();
  PausedWorkers(const PausedWorkers&) = delete;
  PausedWorkers& operator=(const PausedWorkers&) = delete;

  // By worker. The descriptors stay the workers'. Once only.
  std::vector<WorkerState> save();
  // Another process has all sessions: the workers drop theirs without a word.
  void handOver() { settle(true); }

 private:
  void settle(bool handed_over);

  std::shared_ptr<std::latch> paused_;
  std::promise<bool> handed_over_;
  std::vector<std::future<WorkerState>> states_;
  bool settled_ = false;
};

// Workers that have loaded what another process saved, and wait until that one is out of the way.
class LoadingWorkers {
 public:
  // What worker `i` does after it took its ports: give it to WorkerThread::publish(). Takes the descriptors.
  std::function<void()> load(WorkerThread& worker, WorkerState state);
  struct Loaded {
    size_t kept = 0;
    std::vector<LostSession> lost;  // what could not go on
  };
  // When all have loaded, or what they could not even read. Once only.
  Result<Loaded> loaded();
  // True: the sessions are ours. False: they never were. At its end they are not.
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
