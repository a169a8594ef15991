// What the admin endpoint shows: reads the running process, changes nothing. Main thread.
#pragma once

#include <string>
#include <vector>

#include "source/admin/api.h"
#include "source/reload/config_applier.h"
#include "source/reload/reload_plan.h"
#include "source/rooms/directory.h"
#include "source/runtime/worker.h"
#include "source/server/drain.h"
#include "source/server/metrics.h"

namespace sluice::server {

class Introspection final : public admin::Backend {
 public:
  // The references outlive the object.
  struct Context {
    const Clock& clock;
    Instant started;
    const reload::ConfigApplier& applier;
    const reload::PortManager& ports;
    const runtime::WorkerGroup& workers;
    const rooms::Directory& rooms;
    const Drain& drain;
    const Metrics& metrics;
  };
  explicit Introspection(const Context& context) : context_(context) {}

  bool draining() const override { return context_.drain.isDraining(); }
  nlohmann::json serverInfo() const override;
  nlohmann::json configDump() const override;
  nlohmann::json listeners() const override;
  nlohmann::json sessions(const SessionQuery& query) const override;
  void collect(stats::Samples& out) const override { context_.metrics.collect(out); }
  Result<nlohmann::json> plan(const Question& question) const override;

 private:
  template <typename Answer, typename Ask>
  std::vector<Answer> askWorkers(Ask ask) const;
  std::vector<reload::LiveSession> liveSessions() const;
  size_t totalSessions() const { return context_.workers.total_sessions.load(std::memory_order_relaxed); }

  const Context context_;
};

}  // namespace sluice::server
