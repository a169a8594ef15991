// Removes the players of sessions that could not be taken over.
#pragma once

#include "source/rooms/directory.h"
#include "source/runtime/handover.h"

namespace sluice::takeover {

// Logs how many sessions were lost and why, and removes their players from `rooms`.
void settleLostSessions(const runtime::LoadingWorkers::Loaded& loaded, rooms::Directory& rooms);

}  // namespace sluice::takeover
