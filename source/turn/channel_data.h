// ChannelData messages (RFC 8656 section 12.4): a header of four bytes, then the application data.
//
//   0                   16                  31
//   | channel number    | length in bytes   |
//   | application data ...                  |
#pragma once

#include <optional>

#include "source/base/bytes.h"

namespace sluice::turn {

inline constexpr size_t kChannelDataHeader = 4;  // bytes

struct ChannelData {
  uint16_t channel;
  uint16_t length;  // of the data, which follow the header; the datagram may be longer
};

// Nothing if the message is shorter than its length field requires.
inline std::optional<ChannelData> parseChannelData(Bytes message) {
  if (message.size() < kChannelDataHeader) return std::nullopt;
  const ChannelData header{.channel = readU16(message.data()), .length = readU16(message.data() + 2)};
  if (header.length > message.size() - kChannelDataHeader) return std::nullopt;
  return header;
}

// `out` holds at least kChannelDataHeader bytes.
inline void writeChannelDataHeader(MutableBytes out, const ChannelData& header) {
  writeU16(out.data(), header.channel);
  writeU16(out.data() + 2, header.length);
}

}  // namespace sluice::turn
