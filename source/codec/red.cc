#include "source/codec/red.h"

#include <cassert>

namespace sluice::red {

std::optional<Packet> parse(Bytes payload) {
  Packet packet;
  std::array<size_t, kMaxBlocks> sizes{};
  size_t at = 0;
  bool more = true;
  while (more) {
    if (packet.count == kMaxBlocks || at >= payload.size()) return std::nullopt;
    more = (payload[at] & 0x80) != 0;
    Block& block = packet.blocks[packet.count];
    block.payload_type = payload[at] & 0x7f;
    if (more) {
      if (payload.size() - at < 4) return std::nullopt;
      const uint32_t rest = readU24(&payload[at + 1]);
      block.timestamp_offset = static_cast<uint16_t>(rest >> 10);
      sizes[packet.count] = rest & 0x3ff;
    }
    at += more ? 4 : 1;
    ++packet.count;
  }
  for (size_t i = 0; i + 1 < packet.count; ++i) {
    if (sizes[i] > payload.size() - at) return std::nullopt;
    packet.blocks[i].data = payload.subspan(at, sizes[i]);
    at += sizes[i];
  }
  packet.blocks[packet.count - 1].data = payload.subspan(at);
  return packet;
}

void writeHeaders(std::span<const Block> redundant, uint8_t primary_payload_type, uint8_t* out) {
  for (const Block& block : redundant) {
    assert(block.timestamp_offset <= kMaxTimestampOffset && block.data.size() <= kMaxBlockSize);
    out[0] = static_cast<uint8_t>(0x80 | block.payload_type);
    writeU24(out + 1, uint32_t{block.timestamp_offset} << 10 | static_cast<uint32_t>(block.data.size()));
    out += 4;
  }
  *out = primary_payload_type;
}

}  // namespace sluice::red
