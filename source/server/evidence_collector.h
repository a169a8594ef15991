// Collects from the directory and the workers what is known about the way of one player's voice to another.
// Main thread.
#pragma once

#include "source/base/clock.h"
#include "source/control/evidence.h"
#include "source/runtime/worker.h"

namespace sluice::server {

class EvidenceCollector final : public control::EvidenceSource {
 public:
  // Both outlive the object.
  EvidenceCollector(const Clock& clock, const runtime::WorkerGroup& workers)
      : clock_(clock), workers_(workers) {}

  control::Evidence collect(const rooms::PlayerPtr& speaker, const rooms::PlayerPtr& listener) const override;

 private:
  control::PlayerEvidence evidenceOf(const rooms::PlayerPtr& player) const;
  void askWorker(const rooms::PlayerPtr& player, runtime::WorkerThread& worker,
                 control::PlayerEvidence& out) const;

  const Clock& clock_;
  const runtime::WorkerGroup& workers_;
};

}  // namespace sluice::server
