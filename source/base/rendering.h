// How a receiver's client renders a voice that the receiver hears.
#pragma once

namespace sluice {

struct Rendering {
  float gain = 1;         // linear, 0 to 1
  float low_pass_hz = 0;  // cut-off frequency of a low-pass filter; 0: none
  float azimuth = 0;      // of the speaker, in degrees: 0 is ahead of the receiver, positive to its right
  float elevation = 0;    // in degrees, positive is above
  float distance = 0;     // in world units; infinity if the worlds differ
};

}  // namespace sluice
