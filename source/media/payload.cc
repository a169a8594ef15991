#include "source/media/payload.h"

#include <cassert>
#include <cstring>

namespace sluice::media {
namespace {

void setPayloadType(net::Packet& packet, uint8_t payload_type) {
  uint8_t& byte = packet.mutableData()[1];
  byte = static_cast<uint8_t>((byte & 0x80) | payload_type);
}

}  // namespace

void cutPayload(net::Packet& packet, const rtp::Packet& rtp, size_t n, uint8_t payload_type) {
  assert(n <= rtp.payload.size());
  uint8_t* begin = packet.mutableData().data();
  const auto header = static_cast<size_t>(rtp.payload.data() - begin);
  std::memmove(begin + n, begin, header);
  packet.removePrefix(n);
  setPayloadType(packet, payload_type);
}

uint8_t* growPayload(net::Packet& packet, const rtp::Packet& rtp, size_t n, uint8_t payload_type) {
  const size_t size = packet.size();
  // A packet that was cut begins later in its buffer.
  if (size + n > net::Packet::kMaxPayload || n > packet.tailroom()) return nullptr;
  const auto header = static_cast<size_t>(rtp.payload.data() - packet.data().data());
  packet.resize(size + n);
  uint8_t* payload = packet.mutableData().data() + header;
  std::memmove(payload + n, payload, size - header);
  setPayloadType(packet, payload_type);
  return payload;
}

}  // namespace sluice::media
