// What a client uses a session for: a socket may serve a TURN client and a player at once; these are two
// sessions.
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
