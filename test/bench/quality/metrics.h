// Measures the difference between two recordings that should be equal.
#pragma once

#include "test/bench/quality/audio.h"

namespace sluice::quality {

struct Difference {
  // The root mean square of the difference of two spectra in dB, over 100 Hz to 8 kHz; the mean over windows.
  double log_spectral_distance_db = 0;
  // The ratio of signal to difference in dB, limited to -10 to 35 for each frame; the mean over frames.
  double segmental_snr_db = 0;
};

// Over the parts of `clean` that are speech: within 40 dB of its loudest frame. Both have the same length.
Difference compare(const Samples& clean, const Samples& heard);

}  // namespace sluice::quality
