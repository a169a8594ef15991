#include "source/codec/stun.h"

#include <algorithm>

#include "source/codec/crc32.h"
#include "source/codec/demux.h"

namespace sluice::stun {
namespace {

constexpr uint32_t kFingerprintXor = 0x5354554E;  // section 14.7

// RFC 8489 section 5: the method bits surround the two class bits.
uint16_t messageType(uint16_t method, Class kind) {
  const auto c = static_cast<uint16_t>(kind);
  return static_cast<uint16_t>((method & 0xF80) << 2 | (method & 0x070) << 1 | (method & 0x00F) |
                               (c & 2) << 7 | (c & 1) << 4);
}

// The offset of the first attribute of this type.
std::optional<size_t> offsetOf(Bytes message, uint16_t wanted) {
  std::optional<size_t> found;
  walk(message, [&](uint16_t type, Bytes, size_t at) {
    if (type == wanted) found = at;
    return !found;
  });
  return found;
}

// The HMAC over the first `offset` bytes with a length that ends after an attribute of `size` bytes there.
void computeIntegrity(Bytes message, size_t offset, size_t size, Bytes key, Hmac hmac, uint8_t* out) {
  uint8_t copy[kMaxMessage];
  std::copy_n(message.begin(), offset, copy);
  writeU16(copy + 2, static_cast<uint16_t>(offset + 4 + size - kHeaderSize));
  hmac(key, Bytes(copy, offset), out);
}

bool checkHmac(const Message& message, uint16_t type, size_t size, Bytes key, Hmac hmac) {
  const auto value = message.find(type);
  const auto offset = offsetOf(message.bytes, type);
  if (!value || value->size() != size) return false;
  if (message.bytes.size() > kMaxMessage) return false;
  uint8_t expected[32];
  computeIntegrity(message.bytes, *offset, value->size(), key, hmac, expected);
  return constantTimeEqual(*value, Bytes(expected, value->size()));
}

// Section 14.2: the port and address are XORed with the magic cookie and the transaction id.
void applyXor(TransportAddress& address, const uint8_t* cookie_and_id) {
  address.port = static_cast<uint16_t>(address.port ^ (kStunMagicCookie >> 16));
  for (size_t i = 0; i < address.ip_length; ++i) address.ip[i] ^= cookie_and_id[i];
}

}  // namespace

std::string_view localUfrag(const Message& message) {
  const auto username = message.find(kUsername);
  if (!username) return {};
  const std::string_view text = asText(*username);
  const size_t colon = text.find(':');
  return colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
}

std::optional<Message> parse(Bytes bytes) {
  if (bytes.size() < kHeaderSize || (bytes[0] & 0xC0) != 0) return std::nullopt;
  if (readU32(&bytes[4]) != kStunMagicCookie) return std::nullopt;
  const size_t length = readU16(&bytes[2]);
  if (length % 4 != 0 || kHeaderSize + length != bytes.size()) return std::nullopt;
  for (size_t at = kHeaderSize; at < bytes.size();) {
    if (bytes.size() - at < 4) return std::nullopt;
    const size_t padded = (size_t{readU16(&bytes[at + 2])} + 3) & ~size_t{3};
    if (bytes.size() - at - 4 < padded) return std::nullopt;
    at += 4 + padded;
  }
  Message message{.bytes = bytes, .method = 0, .kind = Class::kRequest, .id = {}};
  const uint16_t type = readU16(&bytes[0]);
  message.kind = static_cast<Class>((type >> 7 & 2) | (type >> 4 & 1));
  message.method = static_cast<uint16_t>((type >> 2 & 0xF80) | (type >> 1 & 0x070) | (type & 0x00F));
  std::copy_n(bytes.begin() + 8, message.id.size(), message.id.begin());
  return message;
}

std::optional<Bytes> Message::find(uint16_t wanted) const {
  std::optional<Bytes> found;
  forEach([&](uint16_t type, Bytes value) {
    if (type == wanted && !found) found = value;
  });
  return found;
}

std::optional<uint32_t> Message::findU32(uint16_t type) const {
  const auto value = find(type);
  if (!value || value->size() != 4) return std::nullopt;
  return readU32(value->data());
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
  applyXor(address, &bytes[4]);
  return address;
}

std::optional<unsigned> Message::errorCode() const {
  const auto value = find(kErrorCode);
  if (!value || value->size() < 4) return std::nullopt;
  const unsigned hundreds = (*value)[2] & 7;
  if (hundreds < 3 || hundreds > 6 || (*value)[3] > 99) return std::nullopt;
  return hundreds * 100 + (*value)[3];
}

bool Message::checkIntegrity(Bytes key, Hmac sha1) const {
  return checkHmac(*this, kMessageIntegrity, 20, key, sha1);
}

bool Message::checkIntegritySha256(Bytes key, Hmac sha256) const {
  // Section 14.6: truncated only if the usage defines it; neither ICE nor TURN does.
  return checkHmac(*this, kMessageIntegritySha256, 32, key, sha256);
}

bool Message::checkFingerprint() const {
  const auto offset = offsetOf(bytes, kFingerprint);
  if (!offset) return true;
  if (*offset + 8 != bytes.size() || readU16(&bytes[*offset + 2]) != 4) return false;
  return readU32(&bytes[*offset + 4]) == (crc32(bytes.first(*offset)) ^ kFingerprintXor);
}

Writer::Writer(MutableBytes buffer, uint16_t method, Class kind, const TransactionId& id)
    : buffer_(buffer.first(std::min(buffer.size(), kMaxMessage))) {
  if (buffer_.size() < kHeaderSize) {
    overflow_ = true;
    return;
  }
  writeU16(&buffer_[0], messageType(method, kind));
  writeU32(&buffer_[4], kStunMagicCookie);
  std::copy(id.begin(), id.end(), &buffer_[8]);
  size_ = kHeaderSize;
  setLength(size_);
}

void Writer::setLength(size_t total) {
  writeU16(&buffer_[2], static_cast<uint16_t>(total - kHeaderSize));
}

// Appends an attribute's header and zeroed padding; null when it does not fit.
uint8_t* Writer::grow(uint16_t type, size_t size) {
  const size_t padded = (size + 3) & ~size_t{3};
  if (overflow_ || buffer_.size() - size_ < 4 + padded) {
    overflow_ = true;
    return nullptr;
  }
  uint8_t* at = &buffer_[size_];
  writeU16(at, type);
  writeU16(at + 2, static_cast<uint16_t>(size));
  std::fill(at + 4 + size, at + 4 + padded, 0);
  size_ += 4 + padded;
  setLength(size_);
  return at + 4;
}

void Writer::add(uint16_t type, Bytes value) {
  if (uint8_t* at = grow(type, value.size())) std::copy(value.begin(), value.end(), at);
}

void Writer::addU32(uint16_t type, uint32_t value) {
  if (uint8_t* at = grow(type, 4)) writeU32(at, value);
}

void Writer::addU64(uint16_t type, uint64_t value) {
  if (uint8_t* at = grow(type, 8)) writeU64(at, value);
}

void Writer::addAddress(uint16_t type, const TransportAddress& address) {
  uint8_t* at = grow(type, 4u + address.ip_length);
  if (at == nullptr) return;
  at[0] = 0;
  at[1] = address.ip_length == 4 ? 1 : 2;
  writeU16(at + 2, address.port);
  std::copy_n(address.ip.begin(), address.ip_length, at + 4);
}

void Writer::addXorAddress(uint16_t type, const TransportAddress& address) {
  if (overflow_) return;
  TransportAddress hidden = address;
  applyXor(hidden, &buffer_[4]);
  addAddress(type, hidden);
}

void Writer::addError(unsigned code, std::string_view reason) {
  addErrorValue(kErrorCode, 0, code, reason);
}

void Writer::addAddressError(uint8_t family, unsigned code, std::string_view reason) {
  addErrorValue(kAddressErrorCode, family, code, reason);
}

void Writer::addErrorValue(uint16_t type, uint8_t first, unsigned code, std::string_view reason) {
  uint8_t* at = grow(type, 4 + reason.size());
  if (at == nullptr) return;
  at[0] = first;
  at[1] = 0;
  at[2] = static_cast<uint8_t>(code / 100);
  at[3] = static_cast<uint8_t>(code % 100);
  std::copy(reason.begin(), reason.end(), at + 4);
}

void Writer::addIntegrity(Bytes key, Hmac sha1) {
  const size_t offset = size_;
  if (uint8_t* at = grow(kMessageIntegrity, 20)) computeIntegrity(buffer_, offset, 20, key, sha1, at);
}

void Writer::addIntegritySha256(Bytes key, Hmac sha256) {
  const size_t offset = size_;
  if (uint8_t* at = grow(kMessageIntegritySha256, 32)) computeIntegrity(buffer_, offset, 32, key, sha256, at);
}

void Writer::addFingerprint() {
  const size_t offset = size_;
  if (uint8_t* at = grow(kFingerprint, 4)) writeU32(at, crc32(buffer_.first(offset)) ^ kFingerprintXor);
}

void writeDataHead(MutableBytes out, const TransactionId& id, const TransportAddress& peer,
                   size_t data_size) {
  const size_t head = dataHeadSize(peer);
  Writer writer(out.first(head), kDataIndication, Class::kIndication, id);
  writer.addXorAddress(kXorPeerAddress, peer);
  writeU16(&out[head - 4], kData);
  writeU16(&out[head - 2], static_cast<uint16_t>(data_size));
  const size_t padded = (data_size + 3) & ~size_t{3};
  writeU16(&out[2], static_cast<uint16_t>(head - kHeaderSize + padded));
}

std::optional<size_t> Writer::finish() const {
  if (overflow_) return std::nullopt;
  return size_;
}

}  // namespace sluice::stun
