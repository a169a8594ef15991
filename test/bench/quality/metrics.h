// How much one sound differs from another that should be the same.
#pragma once

#include "test/bench/quality/audio.h"

namespace sluice::quality {

struct Difference {
  // The root of the mean square of the difference of two spectra in dB, over 100 Hz to 8 kHz; the mean over
  // windows.
  double log_spectral_distance_db = 0;
  // Signal to difference, in dB, each frame's within -10 and 35; the mean over frames.
  double segmental_snr_db = 0;
};

// Over the parts of `clean` that are speech: within 40 dB of its loudest frame. Both are as long.
Difference compare(const Samples& clean, const Samples& heard);

}  // namespace sluice::quality
