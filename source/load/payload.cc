#include "source/load/payload.h"

#include <algorithm>

#include "source/codec/crc32.h"

namespace sluice::load {
namespace {

constexpr uint32_t kMagic = 0x534C5543;  // "SLUC"
constexpr uint8_t kOneFramePadded = 0x41;
constexpr uint8_t kCodeMask = 0x03;

}  // namespace

std::optional<size_t> stamp(Bytes opus, const Stamp& stamp, MutableBytes out) {
  if (opus.empty() || (opus[0] & kCodeMask) != 0 || out.size() < opus.size() + kStampOverhead)
    return std::nullopt;
  out[0] = opus[0] | kCodeMask;
  out[1] = kOneFramePadded;
  out[2] = kStampSize;
  uint8_t* at = std::copy(opus.begin() + 1, opus.end(), out.data() + 3);
  writeU32(at, kMagic);
  writeU32(at + 4, stamp.speaker);
  writeU32(at + 8, stamp.sequence);
  writeU64(at + 12, static_cast<uint64_t>(stamp.sent.time_since_epoch().count()));
  at[20] = stamp.counted ? 1 : 0;
  const auto checked = static_cast<size_t>(at + 21 - out.data());
  writeU32(at + 21, crc32(out.first(checked)));
  return checked + 4;
}

std::optional<Stamp> readStamp(Bytes payload) {
  if (payload.size() < 3 + kStampSize) return std::nullopt;
  if ((payload[0] & kCodeMask) != kCodeMask || payload[1] != kOneFramePadded || payload[2] != kStampSize) {
    return std::nullopt;
  }
  const uint8_t* at = &payload[payload.size() - kStampSize];
  if (readU32(at) != kMagic || readU32(at + 21) != crc32(payload.first(payload.size() - 4)))
    return std::nullopt;
  const Duration sent{static_cast<int64_t>(readU64(at + 12))};
  return Stamp{readU32(at + 4), readU32(at + 8), Instant(sent), at[20] != 0};
}

}  // namespace sluice::load
