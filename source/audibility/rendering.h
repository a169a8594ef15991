// How a receiver's client renders a voice, by the state of its player and the speaker's.
#pragma once

#include "source/audibility/decision.h"
#include "source/audibility/snapshot.h"
#include "source/base/rendering.h"

namespace sluice::audibility {

// `decision` is about this pair of the snapshot's players, and audible.
Rendering renderingOf(const Snapshot& snapshot, const PlayerState& speaker, const PlayerState& receiver,
                      const Decision& decision);

}  // namespace sluice::audibility
