// Reads the state of the running process for the admin endpoint. Changes nothing. Main thread.
#pragma once

#include <string>
#include <vector>

#include "source/admin/api.h"
#include "source/base/clock.h"

namespace sluice::reload {
class ConfigApplier;
class PortManager;
struct LiveSession;
}  // namespace sluice::reload
namespace sluice::rooms {
class Directory;
}
namespace sluice::runtime {
struct WorkerGroup;
}

namespace sluice::server {

class Drain;
class Metrics;

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

  bool draining() const override;
  nlohmann::json serverInfo() const override;
  nlohmann::json configDump() const override;
  nlohmann::json listeners() const override;
  nlohmann::json reloads() const override;
  nlohmann::json sessions(const SessionQuery& query) const override;
  void collect(stats::Samples& out) const override;
  Result<nlohmann::json> plan(const Question& question) const override;

 private:
  std::vector<reload::LiveSession> liveSessions() const;
  size_t totalSessions() const;

  const Context context_;
};

}  // namespace sluice::server
