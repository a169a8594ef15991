#include "source/codec/stun.h"

#include <algorithm>

#include "source/codec/crc32.h"
#include "source/codec/demux.h"
#include "source/codec/stun_internals.h"

namespace sluice::stun {

namespace internals {

void computeIntegrity(Bytes message, size_t offset, size_t size, Bytes key, Hmac hmac, uint8_t* out) {
  uint8_t copy[kMaxMessage];
  std::copy_n(message.begin(), offset, copy);
  writeU16(copy + 2, static_cast<uint16_t>(offset + 4 + size - kHeaderSize));
  hmac(key, Bytes(copy, offset), out);
}

void applyXor(TransportAddress& address, const uint8_t* cookie_and_id) {
  address.port = static_cast<uint16_t>(address.port ^ (kStunMagicCookie >> 16));
  for (size_t i = 0; i < address.ip_length; ++i) address.ip[i] ^= cookie_and_id[i];
}

}  // namespace internals

std::string_view localUfrag(const Message& message) {
  const std::string_view username = message.username().value_or(std::string_view());
  const size_t colon = username.find(':');
  return colon == std::string_view::npos ? std::string_view() : username.substr(0, colon);
}

std::optional<Message> parse(Bytes bytes) {
  if (bytes.size() < kHeaderSize || (bytes[0] & 0xC0) != 0) return std::nullopt;
  if (readU32(&bytes[4]) != kStunMagicCookie) return std::nullopt;
  const size_t length = readU16(&bytes[2]);
  if (length % 4 != 0 || kHeaderSize + length != bytes.size()) return std::nullopt;
  Message message;
  AttributeOrder order;
  for (size_t at = kHeaderSize; at < bytes.size();) {
    if (bytes.size() - at < 4) return std::nullopt;
    const size_t padded = (size_t{readU16(&bytes[at + 2])} + 3) & ~size_t{3};
    if (bytes.size() - at - 4 < padded) return std::nullopt;
    const uint16_t type = readU16(&bytes[at]);
    const auto index = attributeIndex(type);
    if (order.counts(type) && index && message.offsets_[*index] == 0) {
      message.offsets_[*index] = static_cast<uint16_t>(at / 4);
    }
    at += 4 + padded;
  }
  message.bytes = bytes;
  const uint16_t type = readU16(&bytes[0]);
  message.kind = static_cast<Class>((type >> 7 & 2) | (type >> 4 & 1));
  message.method = static_cast<uint16_t>((type >> 2 & 0xF80) | (type >> 1 & 0x070) | (type & 0x00F));
  std::copy_n(bytes.begin() + 8, message.id.size(), message.id.begin());
  return message;
}

size_t Message::offsetOf(uint16_t wanted) const {
  if (const auto index = attributeIndex(wanted)) return size_t{4} * offsets_[*index];
  size_t found = 0;
  AttributeOrder order;
  walk(bytes, [&](uint16_t type, Bytes, size_t at) {
    if (order.counts(type) && type == wanted) found = at;
    return found == 0;
  });
  return found;
}

std::optional<Bytes> Message::find(uint16_t type) const {
  const size_t at = offsetOf(type);
  if (at == 0) return std::nullopt;
  return bytes.subspan(at + 4, readU16(&bytes[at + 2]));
}

std::optional<uint32_t> Message::findU32(uint16_t type) const {
  const auto value = find(type);
  if (!value || value->size() != 4) return std::nullopt;
  return readU32(value->data());
}

std::optional<std::string_view> Message::findText(uint16_t type) const {
  const auto value = find(type);
  if (!value) return std::nullopt;
  return asText(*value);
}

// The attributes of one byte and three that are reserved.
std::optional<uint8_t> Message::firstOfFour(uint16_t type) const {
  const auto value = find(type);
  if (!value || value->size() != 4) return std::nullopt;
  return value->front();
}

std::optional<AddressFamily> Message::family(uint16_t type) const {
  const auto value = firstOfFour(type);
  if (!value) return std::nullopt;
  return static_cast<AddressFamily>(*value);
}

std::optional<uint16_t> Message::passwordAlgorithm() const {
  const auto value = find(kPasswordAlgorithm);
  if (!value || value->size() != 4 || readU16(&(*value)[2]) != 0) return std::nullopt;
  return readU16(value->data());
}

std::optional<uint16_t> Message::channelNumber() const {
  const auto value = find(kChannelNumber);
  if (!value || value->size() != 4) return std::nullopt;
  return readU16(value->data());
}

std::optional<uint16_t> Message::responsePort() const {
  const auto value = find(kResponsePort);
  if (!value || value->size() < 2 || readU16(value->data()) == 0) return std::nullopt;
  return readU16(value->data());
}

std::optional<bool> Message::evenPort() const {
  const auto value = find(kEvenPort);
  if (!value || value->size() != 1) return std::nullopt;
  return ((*value)[0] & 0x80) != 0;
}

std::optional<ReservationToken> Message::reservationToken() const {
  const auto value = find(kReservationToken);
  ReservationToken token;
  if (!value || value->size() != token.size()) return std::nullopt;
  std::copy(value->begin(), value->end(), token.begin());
  return token;
}

std::optional<TransportAddress> Message::xorAddress(uint16_t type) const {
  const auto value = find(type);
  return value ? decodeXorAddress(*value) : std::nullopt;
}

std::optional<TransportAddress> Message::decodeXorAddress(Bytes value) const {
  if (value.size() < 4) return std::nullopt;
  TransportAddress address;
  address.ip_length = value[1] == 1 ? 4 : value[1] == 2 ? 16 : 0;
  if (address.ip_length == 0 || value.size() != 4u + address.ip_length) return std::nullopt;
  address.port = readU16(&value[2]);
  std::copy_n(value.begin() + 4, address.ip_length, address.ip.begin());
  internals::applyXor(address, &bytes[4]);
  return address;
}

std::optional<unsigned> Message::errorCode() const {
  const auto value = find(kErrorCode);
  if (!value || value->size() < 4) return std::nullopt;
  const unsigned hundreds = (*value)[2] & 7;
  if (hundreds < 3 || hundreds > 6 || (*value)[3] > 99) return std::nullopt;
  return hundreds * 100 + (*value)[3];
}

bool Message::checkHmac(uint16_t type, size_t size, Bytes key, Hmac hmac) const {
  const auto value = find(type);
  if (!value || value->size() != size || bytes.size() > kMaxMessage) return false;
  uint8_t expected[32];
  internals::computeIntegrity(bytes, offsetOf(type), size, key, hmac, expected);
  return constantTimeEqual(*value, Bytes(expected, size));
}

bool Message::checkIntegrity(Bytes key, Hmac sha1) const {
  return checkHmac(kMessageIntegrity, 20, key, sha1);
}

bool Message::checkIntegritySha256(Bytes key, Hmac sha256) const {
  // Section 14.6: truncated only if the usage defines it; neither ICE nor TURN does.
  return checkHmac(kMessageIntegritySha256, 32, key, sha256);
}

bool Message::checkFingerprint() const {
  const size_t offset = offsetOf(kFingerprint);
  if (offset == 0) return true;
  if (offset + 8 != bytes.size() || readU16(&bytes[offset + 2]) != 4) return false;
  return readU32(&bytes[offset + 4]) == (crc32(bytes.first(offset)) ^ internals::kFingerprintXor);
}

}  // namespace sluice::stun
