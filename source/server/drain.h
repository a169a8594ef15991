// Stops admitting sessions, and ends the process once its sessions have ended. Main thread.
#pragma once

#include <functional>
#include <optional>

#include "source/base/clock.h"
#include "source/runtime/worker.h"

namespace sluice::server {

class Drain {
 public:
  // `announce` notifies players that no new ones are admitted, and that calls end within `limit`, if any.
  // The references outlive the object.
  Drain(const Clock& clock, runtime::WorkerGroup& workers,
        std::function<void(std::optional<Duration> limit)> announce)
      : clock_(clock), workers_(workers), announce_(std::move(announce)) {}

  // Admits no new sessions from now on. Existing ones continue.
  void begin() { start(std::nullopt); }
  // Also ends the process when all sessions have ended, or after `timeout`.
  void beginEnd(Duration timeout);

  bool isDraining() const { return draining_; }
  bool isEnding() const { return deadline_.has_value(); }
  // True when the process must end.
  bool isOver() const;

 private:
  void start(std::optional<Duration> limit);
  size_t sessions() const { return workers_.total_sessions.load(std::memory_order_relaxed); }

  const Clock& clock_;
  runtime::WorkerGroup& workers_;
  const std::function<void(std::optional<Duration>)> announce_;
  bool draining_ = false;
  std::optional<Instant> deadline_;
};

}  // namespace sluice::server
