#include "source/runtime/handover.h"

#include <barrier>
#include <utility>

namespace sluice::runtime {
namespace {

// Packets that one session releases may be held by the next: from a TURN client to a speaker, and from there
// to a receiver.
constexpr int kMaxSessionsOnPath = 3;

}  // namespace

PausedWorkers::PausedWorkers(WorkerGroup& group)
    : paused_(std::make_shared<std::latch>(static_cast<ptrdiff_t>(group.workers.size()) + 1)) {
  const auto flushed = std::make_shared<std::barrier<>>(static_cast<ptrdiff_t>(group.workers.size()));
  const std::shared_future<bool> verdict = handed_over_.get_future().share();
  for (auto& owned : group.workers) {
    WorkerThread* worker = owned.get();
    auto state = std::make_shared<std::promise<WorkerState>>();
    states_.push_back(state->get_future());
    worker->post([worker, state, verdict, flushed, paused = paused_] {
      paused->arrive_and_wait();  // all packets mailed by other workers have arrived by then
      worker->finishIteration();
      for (int i = 0; i < kMaxSessionsOnPath; ++i) {
        worker->dispatcher().flush();
        flushed->arrive_and_wait();  // all packets mailed by this flush have arrived by then
        worker->finishIteration();
      }
      Descriptors descriptors;
      Archive out(descriptors);
      SavedWorker saved = worker->dispatcher().save(descriptors);
      out(saved);
      state->set_value({out.takeBytes(), descriptors.all()});
      if (verdict.get()) worker->retire();
    });
  }
  paused_->arrive_and_wait();
}

PausedWorkers::~PausedWorkers() {
  if (!settled_) settle(false);
}

std::vector<WorkerState> PausedWorkers::save() {
  std::vector<WorkerState> all;
  for (auto& state : states_) all.push_back(state.get());
  return all;
}

void PausedWorkers::settle(bool handed_over) {
  settled_ = true;
  handed_over_.set_value(handed_over);
}

std::function<void()> LoadingWorkers::load(WorkerThread& worker, WorkerState state) {
  auto done = std::make_shared<std::promise<Result<Loaded>>>();
  loaded_.push_back(done->get_future());
  return [&worker, done, verdict = verdict_, state = std::move(state)] {
    Descriptors descriptors(state.descriptors);
    Archive in(asBytes(state.bytes), descriptors);
    SavedWorker saved;
    in(saved);
    if (!in.ok() || !in.atEnd()) {
      done->set_value(
          Error{"", "the sessions of worker " + std::to_string(worker.index()) + " cannot be read"});
    } else {
      Loaded loaded;
      loaded.lost = worker.dispatcher().load(saved, descriptors);
      loaded.kept = saved.sessions.size() - loaded.lost.size();
      loaded.lost.insert(loaded.lost.end(), saved.lost.begin(), saved.lost.end());
      done->set_value(std::move(loaded));
    }
    if (!verdict.get()) worker.retire();
  };
}

Result<LoadingWorkers::Loaded> LoadingWorkers::loaded() {
  Loaded all;
  Errors errors;
  for (auto& one : loaded_) {
    const auto some = one.get();
    if (!some.ok()) {
      errors.push_back(some.error());
      continue;
    }
    all.kept += some->kept;
    all.lost.insert(all.lost.end(), some->lost.begin(), some->lost.end());
  }
  if (!errors.empty()) return errors;
  return all;
}

void LoadingWorkers::settle(bool ours) {
  settled_ = true;
  ours_.set_value(ours);
}

LoadingWorkers::~LoadingWorkers() {
  if (!settled_) settle(false);
}

}  // namespace sluice::runtime
