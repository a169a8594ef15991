#include "source/audibility/rendering.h"

#include "source/audibility/direction.h"

namespace sluice::audibility {

Rendering renderingOf(const Snapshot& snapshot, const PlayerState& speaker, const PlayerState& receiver,
                      const Decision& decision) {
  const bool one_world = receiver.world == speaker.world;
  const Direction direction = one_world ? directionTo(speaker.position, receiver.position, receiver.forward,
                                                      receiver.up, snapshot.handedness)
                                        : Direction{};
  return {.gain = decision.gain,
          .low_pass_hz = decision.low_pass_hz,
          .azimuth = direction.azimuth,
          .elevation = direction.elevation,
          .distance = decision.distance};
}

}  // namespace sluice::audibility
