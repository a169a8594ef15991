// Watches the newest version of each chain that has a step_back rule, and rolls it back when it performs
// worse than the others. Main thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "source/reload/config_applier.h"
#include "source/reload/rollout_watch.h"
#include "source/stats/samples.h"

namespace sluice::reload {

class RolloutController final : public Participant {
 public:
  // Both outlive the controller.
  RolloutController(ConfigApplier& applier, const Clock& clock) : applier_(applier), clock_(clock) {}

  // Compares the versions. Call it about once a second.
  void check();
  void collect(stats::Samples& out) const;

  // Keeps the samples of unchanged rules.
  void commit(const Running& running) override;

 private:
  struct Verdict {
    config::VersionName version;
    std::string why;
  };
  // The newest version and what is worse about it; empty: nothing.
  Verdict compare(RolloutWatch& watch) const;
  void rollBack(const Verdict& verdict);

  ConfigApplier& applier_;
  const Clock& clock_;
  std::vector<RolloutWatch> watches_;
  std::map<config::VersionName, uint64_t> rollbacks_;
};

}  // namespace sluice::reload
