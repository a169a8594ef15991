#include "source/runtime/session_sweep.h"

#include <algorithm>

#include "source/runtime/worker_port.h"

namespace sluice::runtime {
namespace {

void examine(Session& session, const Generation& generation, Instant now) {
  if (session.isClosing()) return;
  if (session.generation() != generation.version) session.adopt(generation);
  if (session.isClosing()) return;
  if (now >= session.drain().end) return session.close(session.drain().reason);
  if (!session.isAuthenticated() &&
      now - session.activity().unauthenticated_since > generation.limits.authentication_timeout) {
    session.close("not_authenticated");
  } else if (session.activity().isIdle(now, session.port().listener->idle_timeout)) {
    session.close("idle");
  }
}

}  // namespace

void SessionSweep::run(const Generation& generation, Instant now) {
  for (size_t left = std::min(kSessionsAtOnce, sessions_.size()); left > 0; --left) {
    last_ = last_ + 1 < sessions_.size() ? last_ + 1 : 0;
    examine(*sessions_.all()[last_], generation, now);
  }
}

}  // namespace sluice::runtime
