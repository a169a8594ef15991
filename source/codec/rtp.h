// RTP packets (RFC 3550 section 5.1) with header extensions (RFC 8285). Views and writers over the caller's
// bytes.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//   |                           timestamp                           |
//   |                             SSRC                              |
//   |                     CSRC list, CC entries                     |
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "source/base/bytes.h"

namespace sluice::rtp {

constexpr size_t kHeaderSize = 12;
constexpr size_t kMaxCsrcs = 15;

struct Packet {
  bool marker;
  uint8_t payload_type;  // 0-127
  uint16_t sequence;
  uint32_t timestamp;
  uint32_t ssrc;
  Bytes csrcs;       // four bytes each
  uint16_t profile;  // of the header extension; 0: none
  Bytes extension;   // its data
  Bytes payload;     // without padding; empty in padding-only packets
  uint8_t padding;   // bytes at the end, the count included

  size_t csrcCount() const { return csrcs.size() / 4; }
  uint32_t csrc(size_t i) const { return readU32(&csrcs[4 * i]); }

  // The data of the extension element with this id, in the one-byte or the two-byte form.
  std::optional<Bytes> findExtension(uint8_t id) const;
  std::optional<std::string_view> findText(uint8_t id) const;
};

std::optional<Packet> parse(Bytes bytes);

// One element of a one-byte header extension: id 1-14, 1-16 bytes.
struct ExtensionElement {
  uint8_t id;
  Bytes data;
};

struct Header {
  bool marker = false;
  uint8_t payload_type = 0;
  uint16_t sequence = 0;
  uint32_t timestamp = 0;
  uint32_t ssrc = 0;
  std::span<const uint32_t> csrcs{};  // at most kMaxCsrcs
  std::span<const ExtensionElement> extensions{};

  size_t size() const;
};
// Writes `header` to `out`, which has header.size() bytes.
void write(const Header& header, uint8_t* out);

// RFC 6464: the level in -dBov, 0 (loudest) to 127 (silence), and whether the sender takes it for speech.
struct AudioLevel {
  uint8_t level = 127;
  bool voice = false;
};
inline std::optional<AudioLevel> readAudioLevel(Bytes data) {
  if (data.empty()) return std::nullopt;
  return AudioLevel{static_cast<uint8_t>(data[0] & 0x7F), (data[0] & 0x80) != 0};
}
inline uint8_t writeAudioLevel(AudioLevel level) {
  return static_cast<uint8_t>((level.voice ? 0x80 : 0) | (level.level & 0x7F));
}

}  // namespace sluice::rtp
