// Writes STUN messages (RFC 8489) into the caller's buffer. Nothing allocates.
#pragma once

#include <optional>
#include <string_view>

#include "source/base/bytes.h"
#include "source/codec/stun.h"
#include "source/codec/stun_error.h"

namespace sluice::stun {

// Builds a message. If something does not fit, finish() returns nothing.
class Writer {
 public:
  Writer(MutableBytes buffer, uint16_t method, Class kind, const TransactionId& id);

  void add(uint16_t type, Bytes value);
  void add(uint16_t type, std::string_view value) { add(type, asBytes(value)); }
  void addU32(uint16_t type, uint32_t value);
  void addU64(uint16_t type, uint64_t value);
  void addFlag(uint16_t type) { add(type, Bytes()); }
  void addXorAddress(uint16_t type, const TransportAddress& address);
  void addAddress(uint16_t type, const TransportAddress& address);
  // ERROR-CODE with the code's reason phrase, or with another.
  void addError(ErrorCode code) { addError(code, reasonOf(code)); }
  void addError(ErrorCode code, std::string_view reason);
  // ADDRESS-ERROR-CODE (RFC 8656 section 18.12).
  void addAddressError(AddressFamily family, ErrorCode code);
  void addIntegrity(Bytes key, Hmac sha1);
  void addIntegritySha256(Bytes key, Hmac sha256);
  void addFingerprint();

  // size(): the message's size in bytes so far. finish(): the final size, if everything fit.
  size_t size() const { return size_; }
  std::optional<size_t> finish() const;

 private:
  uint8_t* grow(uint16_t type, size_t size);
  void setLength(size_t total);
  void addErrorValue(uint16_t type, uint8_t first, ErrorCode code, std::string_view reason);

  MutableBytes buffer_;
  size_t size_ = 0;
  bool overflow_ = false;
};

// The head of a TURN Data indication (RFC 8656 section 11.3), for data that is not moved. The caller adds
// zeros after the data up to a multiple of four bytes.
constexpr size_t dataHeadSize(const TransportAddress& peer) {
  return kHeaderSize + 8 + peer.ip_length + 4;
}
// `out` must hold at least dataHeadSize() bytes.
void writeDataHead(MutableBytes out, const TransactionId& id, const TransportAddress& peer, size_t data_size);

}  // namespace sluice::stun
