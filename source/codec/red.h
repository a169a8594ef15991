// Redundant audio data (RFC 2198 section 3):
//   |1| payload type (7) | timestamp offset (14) | length (10) |   per redundant block, oldest first
//   |0| payload type (7) |                                         the primary block
//   redundant data ... | primary data
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "source/base/bytes.h"

namespace sluice::red {

inline constexpr size_t kMaxBlocks = 9;  // the primary and as many redundant ones as senders use

struct Block {
  uint8_t payload_type = 0;
  uint16_t timestamp_offset = 0;  // how much older than the packet's timestamp; 0 for the primary
  Bytes data;
};

struct Packet {
  std::array<Block, kMaxBlocks> blocks;
  size_t count = 0;  // at least 1; the last is the primary

  const Block& primary() const { return blocks[count - 1]; }
  std::span<const Block> redundant() const { return {blocks.data(), count - 1}; }
};

// The payload of an RTP packet, without padding. nullopt if a header or block overruns or there are too many.
std::optional<Packet> parse(Bytes payload);

// The limits of a redundant block's header fields.
inline constexpr uint32_t kMaxTimestampOffset = 0x3FFF;
inline constexpr size_t kMaxBlockSize = 0x3FF;

// The size of the headers before the data of this many redundant blocks and the primary.
constexpr size_t headerSize(size_t redundant) {
  return 4 * redundant + 1;
}
// Writes the headers of a payload; the data of the blocks follow in the same order, then the primary's.
void writeHeaders(std::span<const Block> redundant, uint8_t primary_payload_type, uint8_t* out);

}  // namespace sluice::red
