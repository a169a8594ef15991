// The use of a session: a socket used as a TURN client and as a player has two sessions.
#pragma once

#include <cstdint>

#include "source/net/packet.h"

namespace sluice::runtime {

enum class SessionUsage : uint8_t { kMedia, kTurn };

inline SessionUsage usageOf(PacketKind kind) {
  const bool turn = kind == PacketKind::kTurn || kind == PacketKind::kTurnChannel;
  return turn ? SessionUsage::kTurn : SessionUsage::kMedia;
}

}  // namespace sluice::runtime
