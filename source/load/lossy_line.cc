#include "source/load/lossy_line.h"

#include "source/base/random.h"

namespace sluice::load {

bool LossyLine::loses() {
  return randomU32() < percent_ / 100 * 4'294'967'296.0;
}

void LossyLine::onPacket(const rtp::Packet& packet, Instant now) {
  streams_[packet.ssrc].onPacket(packet.sequence, packet.timestamp, {}, now);
}

}  // namespace sluice::load
