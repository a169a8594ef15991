// Reads the fields of an adaptation's configuration, which several messages share.
#pragma once

#include "source/base/field_reader.h"
#include "source/media/adaptation.h"

namespace sluice::media {

// rtt_high_ms, rtt_low_ms, loss_high_percent, loss_low_percent, busy_high_percent, busy_low_percent, hold_ms,
// bitrate_bps, narrowband_bitrate_bps, fec_bitrate_bps.
void readAdaptation(FieldReader read, Adaptation::Config& out);

}  // namespace sluice::media
