#pragma once

#include "source/control/evidence.h"

namespace sluice::test {

// Knows whether the players are in the room, and nothing else.
struct NoEvidence final : control::EvidenceSource {
  control::Evidence collect(const rooms::PlayerPtr& speaker,
                            const rooms::PlayerPtr& listener) const override {
    control::Evidence out;
    if (speaker != nullptr) out.speaker.emplace();
    if (listener != nullptr) out.listener.emplace();
    return out;
  }
};

}  // namespace sluice::test
