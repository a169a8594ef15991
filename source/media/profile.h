// The settings of an Opus encoder. Plain data, independent of libopus.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "source/base/archive.h"
#include "source/codec/opus_toc.h"

namespace sluice::media {

struct Profile {
  opus::Bandwidth bandwidth = opus::Bandwidth::kFull;
  unsigned frame_ms = 20;            // 10, 20, 40 or 60
  std::optional<opus::Mode> mode{};  // unset: the encoder's choice; SILK above wideband becomes hybrid
  bool fec = false;                  // LBRR: each packet also holds a coarse copy of the previous one
  unsigned expected_loss_percent = 0;
  unsigned complexity = 10;  // 0-10
  uint32_t bitrate_bps = 32'000;

  void archive(Archive& a) {
    a(bandwidth, frame_ms, mode, fec, expected_loss_percent, complexity, bitrate_bps);
  }
  size_t samples() const { return size_t{frame_ms} * 48; }
  bool operator==(const Profile&) const = default;
};

// For example "48 kHz, 20 ms, complexity 10, 32000 b/s".
std::string describe(const Profile& profile);

}  // namespace sluice::media
