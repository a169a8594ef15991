// Everything that GET /metrics and GET /stats show. Main thread.
#pragma once

#include "source/base/clock.h"
#include "source/stats/samples.h"

namespace sluice::control {
class OverloadWatch;
}
namespace sluice::reload {
class ConfigApplier;
class RolloutController;
}  // namespace sluice::reload
namespace sluice::rooms {
class Directory;
}
namespace sluice::runtime {
class StatsStore;
struct WorkerGroup;
}  // namespace sluice::runtime

namespace sluice::server {

class Drain;
class HttpEndpoints;

// The sessions of the previous process, by result.
struct TakeoverCounts {
  size_t kept = 0;
  size_t ended = 0;
};

class Metrics {
 public:
  // The references outlive the object.
  struct Context {
    const Clock& clock;
    Instant started;
    const runtime::StatsStore& stats;
    const reload::ConfigApplier& applier;
    const reload::RolloutController& rollouts;
    const runtime::WorkerGroup& workers;
    const rooms::Directory& rooms;
    const control::OverloadWatch& overload;
    const Drain& drain;
    const HttpEndpoints& http;
    const TakeoverCounts& takeover;
  };
  explicit Metrics(const Context& context) : context_(context) {}

  void collect(stats::Samples& out) const;

 private:
  void collectProcess(stats::Samples& out) const;
  void collectWorkers(stats::Samples& out) const;
  void collectRooms(stats::Samples& out) const;
  void collectFilterInfo(stats::Samples& out) const;

  const Context context_;
};

}  // namespace sluice::server
