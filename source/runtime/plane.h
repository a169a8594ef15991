// A client may use one socket as a TURN client and as a player; these are two sessions.
#pragma once

#include <cstdint>

#include "source/net/packet.h"

namespace sluice::runtime {

enum class Plane : uint8_t { kMedia, kTurn };

inline Plane planeOf(PacketKind kind) {
  const bool turn = kind == PacketKind::kTurn || kind == PacketKind::kTurnChannel;
  return turn ? Plane::kTurn : Plane::kMedia;
}

}  // namespace sluice::runtime
