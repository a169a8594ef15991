// Reads the fields of an adaptation's configuration, which several messages share.
#pragma once

#include <string>

#include "source/base/result.h"
#include "source/media/adaptation.h"

namespace sluice::media {

// `path` is put before field names in errors, such as "ingress.adaptation.". Absent fields must have their
// defaults.
template <typename Message>
Adaptation::Config readAdaptation(const Message& config, const std::string& path, Errors& errors) {
  const auto check = [&](bool ordered, const char* low, const char* high) {
    if (!ordered) errors.push_back({path + low, std::string("must not exceed ") + high});
  };
  check(config.rtt_low_ms() <= config.rtt_high_ms(), "rtt_low_ms", "rtt_high_ms");
  check(config.loss_low_percent() <= config.loss_high_percent(), "loss_low_percent", "loss_high_percent");
  check(config.busy_low_percent() <= config.busy_high_percent(), "busy_low_percent", "busy_high_percent");
  return {.rtt_ms = {static_cast<double>(config.rtt_high_ms()), static_cast<double>(config.rtt_low_ms())},
          .loss = {config.loss_high_percent() / 100, config.loss_low_percent() / 100},
          .busy = {config.busy_high_percent() / 100, config.busy_low_percent() / 100},
          .hold = std::chrono::milliseconds{config.hold_ms()},
          .bitrate_bps = config.bitrate_bps(),
          .narrowband_bitrate_bps = config.narrowband_bitrate_bps(),
          .fec_bitrate_bps = config.fec_bitrate_bps()};
}

}  // namespace sluice::media
