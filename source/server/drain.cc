#include "source/server/drain.h"

#include "source/base/log.h"

namespace sluice::server {

void Drain::beginEnd(Duration timeout) {
  start(timeout);
  deadline_ = clock_.now() + timeout;
  log::info("draining {} sessions", sessions());
}

bool Drain::isOver() const {
  return deadline_ && (sessions() == 0 || clock_.now() >= *deadline_);
}

void Drain::start(std::optional<Duration> limit) {
  draining_ = true;
  announce_(limit);
  for (auto& worker : workers_.workers) {
    worker->post([&worker] { worker->dispatcher().setDraining(true); });
  }
}

}  // namespace sluice::server
