// A worker's sessions and redirects, to and from their serialized form.
#pragma once

#include <memory>

#include "source/runtime/ice_table.h"
#include "source/runtime/redirects.h"
#include "source/runtime/saved_session.h"
#include "source/runtime/session_table.h"
#include "source/runtime/worker_ports.h"

namespace sluice::runtime {

// The sessions stay as they are. Those that cannot be handed over are in SavedWorker::lost.
SavedWorker saveSessions(const SessionTable& sessions, const Redirects& redirects, Descriptors& descriptors);

// Makes the session that was saved, without its filters' state: Session::load() reads that. Errors have no
// path.
Result<std::unique_ptr<Session>> restoreSession(const SavedSession& saved, SessionHost& host,
                                                const WorkerPorts& ports, const IceTable& players);

// Skips redirects of players that have left.
void restoreRedirects(const std::vector<SavedRedirect>& saved, const IceTable& players, Redirects& redirects);

}  // namespace sluice::runtime
