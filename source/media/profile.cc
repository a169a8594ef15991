#include "source/media/profile.h"

namespace sluice::media {

std::string describe(const Profile& profile) {
  static constexpr const char* kBandwidths[] = {"8 kHz", "12 kHz", "16 kHz", "24 kHz", "48 kHz"};
  static constexpr const char* kModes[] = {", SILK", ", hybrid", ", CELT"};
  std::string text = kBandwidths[static_cast<size_t>(profile.bandwidth)];
  text += ", " + std::to_string(profile.frame_ms) + " ms";
  if (profile.mode) text += kModes[static_cast<size_t>(*profile.mode)];
  if (profile.fec) text += ", FEC for " + std::to_string(profile.expected_loss_percent) + " % loss";
  text += ", complexity " + std::to_string(profile.complexity);
  text += ", " + std::to_string(profile.bitrate_bps) + " b/s";
  return text;
}

}  // namespace sluice::media
