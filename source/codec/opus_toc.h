// Properties of an Opus packet that can be read without decoding it (RFC 6716 section 3).
#pragma once

#include <chrono>
#include <optional>

#include "source/base/bytes.h"

namespace sluice::opus {

enum class Mode : uint8_t { kSilk, kHybrid, kCelt };
enum class Bandwidth : uint8_t { kNarrow, kMedium, kWide, kSuperWide, kFull };

struct PacketInfo {
  Mode mode = Mode::kSilk;
  Bandwidth bandwidth = Bandwidth::kNarrow;
  bool stereo = false;
  std::chrono::microseconds frame_duration{};
  uint8_t frame_count = 0;  // 1-48
  size_t padding_size = 0;  // padding of a code 3 packet without its length bytes; may contain DRED
  bool has_lbrr = false;    // the packet also holds a coarse copy of the preceding audio (section 4.2.5)
  // What the first frame signals about its content: SILK carries the encoder's voice activity (section
  // 4.2.3), CELT only digital silence (section 4.3). Empty: the frame signals nothing.
  std::optional<bool> active;

  std::chrono::microseconds duration() const { return frame_duration * frame_count; }
  uint32_t samples() const { return static_cast<uint32_t>(duration().count() * 48 / 1000); }  // at 48 kHz
};

// nullopt if a decoder must refuse the packet (requirements R1 to R7 of section 3.4).
std::optional<PacketInfo> parse(Bytes payload);

// Silence that only keeps the stream alive (section 2.1.9).
inline bool isDtx(Bytes payload) {
  return payload.size() <= 2;
}

}  // namespace sluice::opus
