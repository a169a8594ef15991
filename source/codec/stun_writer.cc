#include "source/codec/stun_writer.h"

#include <algorithm>

#include "source/codec/crc32.h"
#include "source/codec/demux.h"
#include "source/codec/stun_internals.h"

namespace sluice::stun {
namespace {

// RFC 8489 section 5: the method bits surround the two class bits.
uint16_t messageType(uint16_t method, Class kind) {
  const auto c = static_cast<uint16_t>(kind);
  return static_cast<uint16_t>((method & 0xF80) << 2 | (method & 0x070) << 1 | (method & 0x00F) |
                               (c & 2) << 7 | (c & 1) << 4);
}

}  // namespace

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
  internals::applyXor(hidden, &buffer_[4]);
  addAddress(type, hidden);
}

void Writer::addError(ErrorCode code, std::string_view reason) {
  addErrorValue(kErrorCode, 0, code, reason);
}

void Writer::addAddressError(AddressFamily family, ErrorCode code) {
  addErrorValue(kAddressErrorCode, static_cast<uint8_t>(family), code, reasonOf(code));
}

void Writer::addErrorValue(uint16_t type, uint8_t first, ErrorCode code, std::string_view reason) {
  const auto number = static_cast<unsigned>(code);
  uint8_t* at = grow(type, 4 + reason.size());
  if (at == nullptr) return;
  at[0] = first;
  at[1] = 0;
  at[2] = static_cast<uint8_t>(number / 100);
  at[3] = static_cast<uint8_t>(number % 100);
  std::copy(reason.begin(), reason.end(), at + 4);
}

void Writer::addIntegrity(Bytes key, Hmac sha1) {
  const size_t offset = size_;
  if (uint8_t* at = grow(kMessageIntegrity, 20))
    internals::computeIntegrity(buffer_, offset, 20, key, sha1, at);
}

void Writer::addIntegritySha256(Bytes key, Hmac sha256) {
  const size_t offset = size_;
  if (uint8_t* at = grow(kMessageIntegritySha256, 32))
    internals::computeIntegrity(buffer_, offset, 32, key, sha256, at);
}

void Writer::addFingerprint() {
  const size_t offset = size_;
  if (uint8_t* at = grow(kFingerprint, 4))
    writeU32(at, crc32(buffer_.first(offset)) ^ internals::kFingerprintXor);
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
