#include "source/codec/rtp.h"

#include <algorithm>
#include <cassert>

namespace sluice::rtp {
namespace {

constexpr uint16_t kOneByteProfile = 0xBEDE;
constexpr uint16_t kTwoByteProfile = 0x1000;  // the low four bits are the application's
constexpr uint8_t kPaddingId = 0;
constexpr uint8_t kStopId = 15;  // RFC 8285 section 4.2: ends the one-byte form

std::optional<Bytes> findOneByte(Bytes data, uint8_t id) {
  for (size_t at = 0; at < data.size();) {
    const uint8_t element = data[at] >> 4;
    if (element == kStopId) return std::nullopt;
    if (element == kPaddingId) {
      ++at;
      continue;
    }
    const size_t size = (data[at] & 0x0F) + size_t{1};
    if (data.size() - at - 1 < size) return std::nullopt;
    if (element == id) return data.subspan(at + 1, size);
    at += 1 + size;
  }
  return std::nullopt;
}

std::optional<Bytes> findTwoByte(Bytes data, uint8_t id) {
  for (size_t at = 0; at < data.size();) {
    if (data[at] == kPaddingId) {
      ++at;
      continue;
    }
    if (data.size() - at < 2) return std::nullopt;
    const size_t size = data[at + 1];
    if (data.size() - at - 2 < size) return std::nullopt;
    if (data[at] == id) return data.subspan(at + 2, size);
    at += 2 + size;
  }
  return std::nullopt;
}

size_t extensionSize(std::span<const ExtensionElement> elements) {
  size_t size = 0;
  for (const ExtensionElement& element : elements) size += 1 + element.data.size();
  return size;
}

}  // namespace

std::optional<Packet> parse(Bytes bytes) {
  if (bytes.size() < kHeaderSize || bytes[0] >> 6 != 2) return std::nullopt;
  Packet packet{};
  packet.marker = (bytes[1] & 0x80) != 0;
  packet.payload_type = bytes[1] & 0x7F;
  packet.sequence = readU16(&bytes[2]);
  packet.timestamp = readU32(&bytes[4]);
  packet.ssrc = readU32(&bytes[8]);
  size_t at = kHeaderSize + 4u * (bytes[0] & 0x0F);
  if (bytes.size() < at) return std::nullopt;
  packet.csrcs = bytes.subspan(kHeaderSize, at - kHeaderSize);
  if ((bytes[0] & 0x10) != 0) {
    if (bytes.size() - at < 4) return std::nullopt;
    const size_t size = size_t{4} * readU16(&bytes[at + 2]);
    if (bytes.size() - at - 4 < size) return std::nullopt;
    packet.profile = readU16(&bytes[at]);
    packet.extension = bytes.subspan(at + 4, size);
    at += 4 + size;
  }
  if ((bytes[0] & 0x20) != 0) {
    packet.padding = bytes.back();
    if (packet.padding == 0 || packet.padding > bytes.size() - at) return std::nullopt;
  }
  packet.payload = bytes.subspan(at, bytes.size() - at - packet.padding);
  return packet;
}

std::optional<Bytes> Packet::findExtension(uint8_t id) const {
  if (id == kPaddingId) return std::nullopt;
  if (profile == kOneByteProfile) return findOneByte(extension, id);
  if ((profile & 0xFFF0) == kTwoByteProfile) return findTwoByte(extension, id);
  return std::nullopt;
}

std::optional<std::string_view> Packet::findText(uint8_t id) const {
  const auto found = findExtension(id);
  return found ? std::optional(asText(*found)) : std::nullopt;
}

size_t Header::size() const {
  const size_t elements = extensionSize(extensions);
  return kHeaderSize + 4 * csrcs.size() + (elements == 0 ? 0 : 4 + ((elements + 3) & ~size_t{3}));
}

void write(const Header& header, uint8_t* out) {
  assert(header.csrcs.size() <= kMaxCsrcs);
  const size_t elements = extensionSize(header.extensions);
  out[0] = static_cast<uint8_t>(0x80 | (elements == 0 ? 0 : 0x10) | header.csrcs.size());
  out[1] = static_cast<uint8_t>((header.marker ? 0x80 : 0) | header.payload_type);
  writeU16(out + 2, header.sequence);
  writeU32(out + 4, header.timestamp);
  writeU32(out + 8, header.ssrc);
  out += kHeaderSize;
  for (const uint32_t csrc : header.csrcs) {
    writeU32(out, csrc);
    out += 4;
  }
  if (elements == 0) return;
  writeU16(out, kOneByteProfile);
  writeU16(out + 2, static_cast<uint16_t>((elements + 3) / 4));
  out += 4;
  for (const ExtensionElement& element : header.extensions) {
    assert(element.id >= 1 && element.id <= 14 && !element.data.empty() && element.data.size() <= 16);
    *out++ = static_cast<uint8_t>(element.id << 4 | (element.data.size() - 1));
    out = std::copy(element.data.begin(), element.data.end(), out);
  }
  std::fill_n(out, (4 - elements % 4) % 4, kPaddingId);
}

}  // namespace sluice::rtp
