// Collects what is known about the path of one player's voice to another. Main thread.
#pragma once

#include <future>
#include <optional>

#include "source/base/clock.h"
#include "source/control/evidence.h"
#include "source/runtime/worker.h"

namespace sluice::server {

// Call it on the session's worker.
control::SessionEvidence sessionEvidenceOf(const runtime::Session& session, Instant now);

class EvidenceCollector final : public control::EvidenceSource {
 public:
  using Session = std::optional<control::SessionEvidence>;  // absent: the worker has none of the player

  // Both outlive the object.
  EvidenceCollector(const Clock& clock, const runtime::WorkerGroup& workers)
      : clock_(clock), workers_(workers) {}

  control::Evidence collect(const rooms::PlayerPtr& speaker, const rooms::PlayerPtr& listener) const override;
  // Without the player's session.
  control::PlayerEvidence evidenceOf(const rooms::Player& player) const;

 private:
  std::future<Session> ask(const rooms::PlayerPtr& player) const;

  const Clock& clock_;
  const runtime::WorkerGroup& workers_;
};

}  // namespace sluice::server
