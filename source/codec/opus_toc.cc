#include "source/codec/opus_toc.h"

namespace sluice::opus {
namespace {

using std::chrono::microseconds;

constexpr size_t kMaxFrameSize = 1275;
constexpr microseconds kMaxDuration{120'000};
constexpr microseconds kSilkFrame{20'000};  // the longest that SILK codes as one

// Section 3.1, table 2.
void decodeConfig(unsigned config, PacketInfo& info) {
  static constexpr microseconds kSilkDurations[] = {microseconds{10'000}, microseconds{20'000},
                                                    microseconds{40'000}, microseconds{60'000}};
  if (config < 12) {
    info.mode = Mode::kSilk;
    info.bandwidth = static_cast<Bandwidth>(config / 4);
    info.frame_duration = kSilkDurations[config % 4];
  } else if (config < 16) {
    info.mode = Mode::kHybrid;
    info.bandwidth = config < 14 ? Bandwidth::kSuperWide : Bandwidth::kFull;
    info.frame_duration = kSilkDurations[config % 2];
  } else {
    static constexpr Bandwidth kCelt[] = {Bandwidth::kNarrow, Bandwidth::kWide, Bandwidth::kSuperWide,
                                          Bandwidth::kFull};
    info.mode = Mode::kCelt;
    info.bandwidth = kCelt[(config - 16) / 4];
    info.frame_duration = microseconds{2500} * (1 << config % 4);
  }
}

// Section 3.2.1: one byte, or two from 252 on. Consumes the length.
std::optional<size_t> takeLength(Bytes& rest) {
  if (rest.empty()) return std::nullopt;
  size_t length = rest[0];
  size_t used = 1;
  if (length >= 252) {
    if (rest.size() < 2) return std::nullopt;
    length += 4u * rest[1];
    used = 2;
  }
  rest = rest.subspan(used);
  return length;
}

// The checks leave the first frame at the beginning of `rest`.
bool checkTwoVariable(Bytes& rest) {
  const auto first = takeLength(rest);
  return first && *first <= rest.size() && rest.size() - *first <= kMaxFrameSize;
}

// Section 3.2.5:  TOC | v p count(6) | padding length... | frame lengths... | frames | padding
bool checkArbitrary(Bytes& rest, PacketInfo& info) {
  if (rest.empty()) return false;
  const bool variable = (rest[0] & 0x80) != 0;
  const bool padded = (rest[0] & 0x40) != 0;
  info.frame_count = rest[0] & 0x3f;
  rest = rest.subspan(1);
  if (info.frame_count == 0 || info.duration() > kMaxDuration) return false;
  if (padded) {
    uint8_t byte = 255;
    while (byte == 255) {
      if (rest.empty()) return false;
      byte = rest[0];
      rest = rest.subspan(1);
      info.padding_size += byte == 255 ? 254 : byte;
    }
    if (info.padding_size > rest.size()) return false;
    rest = rest.first(rest.size() - info.padding_size);
  }
  if (!variable)
    return rest.size() % info.frame_count == 0 && rest.size() / info.frame_count <= kMaxFrameSize;
  size_t total = 0;
  for (unsigned i = 0; i + 1 < info.frame_count; ++i) {
    const auto length = takeLength(rest);
    if (!length) return false;
    total += *length;
  }
  return total <= rest.size() && rest.size() - total <= kMaxFrameSize;
}

// Section 4.2.3: a SILK frame begins with a bit of voice activity for each 20 ms and then the LBRR flag,
// first of the mid channel, then of the side channel. They are coded with equal probabilities and so are
// plain bits.
void readSilkHeader(Bytes first_frame, PacketInfo& info) {
  const auto activities = static_cast<int>((info.frame_duration + kSilkFrame - microseconds{1}) / kSilkFrame);
  const auto bits = [&](int at, int count) {
    return first_frame[0] >> (8 - at - count) & ((1 << count) - 1);
  };
  const int side = activities + 1;
  info.active = bits(0, activities) != 0 || (info.stereo && bits(side, activities) != 0);
  info.has_lbrr = bits(activities, 1) != 0 || (info.stereo && bits(side + activities, 1) != 0);
}

// Section 4.3: a CELT frame begins with its silence flag, of probability 2^-15. It is set when the first 15
// bits are ones (section 4.1.2). A frame too short for it is silence too.
void readCeltHeader(Bytes first_frame, PacketInfo& info) {
  if (first_frame.size() < 2 || (first_frame[0] == 0xff && first_frame[1] >= 0xfe)) info.active = false;
}

}  // namespace

std::optional<PacketInfo> parse(Bytes payload) {
  if (payload.empty()) return std::nullopt;
  PacketInfo info;
  decodeConfig(payload[0] >> 3, info);
  info.stereo = (payload[0] & 4) != 0;
  Bytes rest = payload.subspan(1);
  bool ok = false;
  switch (payload[0] & 3) {
    case 0:
      info.frame_count = 1;
      ok = rest.size() <= kMaxFrameSize;
      break;
    case 1:
      info.frame_count = 2;
      ok = rest.size() % 2 == 0 && rest.size() / 2 <= kMaxFrameSize;
      break;
    case 2:
      info.frame_count = 2;
      ok = checkTwoVariable(rest);
      break;
    default:
      ok = checkArbitrary(rest, info);
  }
  if (!ok) return std::nullopt;
  if (info.mode == Mode::kCelt) {
    readCeltHeader(rest, info);
  } else if (rest.empty()) {
    info.active = false;
  } else {
    readSilkHeader(rest, info);
  }
  return info;
}

}  // namespace sluice::opus
