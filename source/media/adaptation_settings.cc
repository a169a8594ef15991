#include "source/media/adaptation_settings.h"

namespace sluice::media {

void readAdaptation(FieldReader read, Adaptation::Config& out) {
  constexpr double kPercent = 0.01;
  read.take("rtt_high_ms", 1, 60'000, out.rtt_ms.high);
  read.take("rtt_low_ms", 1, 60'000, out.rtt_ms.low);
  read.check(out.rtt_ms.low <= out.rtt_ms.high, "rtt_low_ms", "must not exceed rtt_high_ms");
  read.take("loss_high_percent", 0, 100, out.loss.high, kPercent);
  read.take("loss_low_percent", 0, 100, out.loss.low, kPercent);
  read.check(out.loss.low <= out.loss.high, "loss_low_percent", "must not exceed loss_high_percent");
  read.take("busy_high_percent", 0, 100, out.busy.high, kPercent);
  read.take("busy_low_percent", 0, 100, out.busy.low, kPercent);
  read.check(out.busy.low <= out.busy.high, "busy_low_percent", "must not exceed busy_high_percent");
  read.takeMs("hold_ms", 0, 600'000, out.hold);
  read.take("bitrate_bps", 6000, 510'000, out.bitrate_bps);
  read.take("narrowband_bitrate_bps", 6000, 510'000, out.narrowband_bitrate_bps);
  read.take("fec_bitrate_bps", 6000, 510'000, out.fec_bitrate_bps);
}

}  // namespace sluice::media
