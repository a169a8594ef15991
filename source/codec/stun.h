// STUN messages (RFC 8489) with the attributes of ICE (RFC 8445) and TURN (RFC 8656). Views into the caller's
// bytes; nothing allocates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "source/base/bytes.h"

namespace sluice::stun {

enum class Class : uint8_t { kRequest, kIndication, kSuccess, kError };

// Methods.
constexpr uint16_t kBinding = 0x001;
constexpr uint16_t kAllocate = 0x003;
constexpr uint16_t kRefresh = 0x004;
constexpr uint16_t kSend = 0x006;
constexpr uint16_t kDataIndication = 0x007;
constexpr uint16_t kCreatePermission = 0x008;
constexpr uint16_t kChannelBind = 0x009;

// Attributes; those below 0x8000 are comprehension-required.
constexpr uint16_t kMappedAddress = 0x0001;
constexpr uint16_t kChangeRequest = 0x0003;
constexpr uint16_t kUsername = 0x0006;
constexpr uint16_t kMessageIntegrity = 0x0008;
constexpr uint16_t kErrorCode = 0x0009;
constexpr uint16_t kUnknownAttributes = 0x000A;
constexpr uint16_t kChannelNumber = 0x000C;
constexpr uint16_t kLifetime = 0x000D;
constexpr uint16_t kXorPeerAddress = 0x0012;
constexpr uint16_t kData = 0x0013;
constexpr uint16_t kRealm = 0x0014;
constexpr uint16_t kNonce = 0x0015;
constexpr uint16_t kXorRelayedAddress = 0x0016;
constexpr uint16_t kRequestedAddressFamily = 0x0017;
constexpr uint16_t kEvenPort = 0x0018;
constexpr uint16_t kRequestedTransport = 0x0019;
constexpr uint16_t kDontFragment = 0x001A;
constexpr uint16_t kMessageIntegritySha256 = 0x001C;
constexpr uint16_t kPasswordAlgorithm = 0x001D;
constexpr uint16_t kUserhash = 0x001E;
constexpr uint16_t kXorMappedAddress = 0x0020;
constexpr uint16_t kReservationToken = 0x0022;
constexpr uint16_t kPriority = 0x0024;
constexpr uint16_t kUseCandidate = 0x0025;
constexpr uint16_t kPadding = 0x0026;
constexpr uint16_t kResponsePort = 0x0027;
constexpr uint16_t kAdditionalAddressFamily = 0x8000;
constexpr uint16_t kAddressErrorCode = 0x8001;
constexpr uint16_t kPasswordAlgorithms = 0x8002;
constexpr uint16_t kIcmp = 0x8004;
constexpr uint16_t kSoftware = 0x8022;
constexpr uint16_t kAlternateServer = 0x8023;
constexpr uint16_t kFingerprint = 0x8028;
constexpr uint16_t kIceControlled = 0x8029;
constexpr uint16_t kIceControlling = 0x802A;
constexpr uint16_t kResponseOrigin = 0x802B;
constexpr uint16_t kOtherAddress = 0x802C;

constexpr size_t kHeaderSize = 20;
constexpr size_t kMaxMessage = 1500;  // bytes; longer messages fail every check

using TransactionId = std::array<uint8_t, 12>;
// HMAC-SHA1 (20 bytes) or HMAC-SHA256 (32 bytes) of `message` into `out`. The codec itself contains no
// cryptography.
using Hmac = void (*)(Bytes key, Bytes message, uint8_t* out);

struct TransportAddress {
  std::array<uint8_t, 16> ip{};
  uint8_t ip_length = 4;  // 4 or 16
  uint16_t port = 0;
};

// A well-formed message: the header and every attribute's bounds are checked.
struct Message {
  Bytes bytes;
  uint16_t method;
  Class kind;
  TransactionId id;

  // The value of the first attribute of this type. Attributes after MESSAGE-INTEGRITY are ignored, except
  // MESSAGE-INTEGRITY-SHA256 and FINGERPRINT (section 14.5).
  std::optional<Bytes> find(uint16_t type) const;
  bool has(uint16_t type) const { return find(type).has_value(); }
  std::optional<uint32_t> findU32(uint16_t type) const;

  // Calls `visit(type, value)` for every attribute that is not ignored.
  template <typename Visit>
  void forEach(Visit visit) const;

  std::optional<TransportAddress> xorAddress(uint16_t type) const;
  // Decodes an attribute's value.
  std::optional<TransportAddress> decodeXorAddress(Bytes value) const;
  // 300-699, or nothing.
  std::optional<unsigned> errorCode() const;

  // Section 9.1.3: the HMAC over everything before the attribute, with the length as if the message ended
  // after it.
  bool checkIntegrity(Bytes key, Hmac sha1) const;
  bool checkIntegritySha256(Bytes key, Hmac sha256) const;
  // Checks the attribute that the message has; the SHA-256 one if it has both.
  bool checkAnyIntegrity(Bytes key, Hmac sha1, Hmac sha256) const {
    return has(kMessageIntegritySha256) ? checkIntegritySha256(key, sha256) : checkIntegrity(key, sha1);
  }
  // Section 14.7. A message without the attribute passes.
  bool checkFingerprint() const;
};

std::optional<Message> parse(Bytes bytes);

// The part of an ICE check's USERNAME that its receiver issued (RFC 8445 section 7.2.2: "local:remote", as
// the receiver sees it). Empty if there is none.
std::string_view localUfrag(const Message& message);

// Builds a message in the caller's buffer. If something does not fit, finish() returns nothing.
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
  void addError(unsigned code, std::string_view reason);
  void addAddressError(uint8_t family, unsigned code, std::string_view reason);
  void addIntegrity(Bytes key, Hmac sha1);
  void addIntegritySha256(Bytes key, Hmac sha256);
  void addFingerprint();

  // size(): the message's size in bytes so far. finish(): the final size, if everything fit.
  size_t size() const { return size_; }
  std::optional<size_t> finish() const;

 private:
  uint8_t* grow(uint16_t type, size_t size);
  void setLength(size_t total);
  void addErrorValue(uint16_t type, uint8_t first, unsigned code, std::string_view reason);

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

// Calls `visit(type, value, offset)` for every attribute of a well-formed message, until it returns false.
template <typename Visit>
void walk(Bytes message, Visit visit) {
  for (size_t at = kHeaderSize; at + 4 <= message.size();) {
    const uint16_t type = readU16(&message[at]);
    const size_t size = readU16(&message[at + 2]);
    if (!visit(type, message.subspan(at + 4, size), at)) return;
    at += 4 + ((size + 3) & ~size_t{3});
  }
}

template <typename Visit>
void Message::forEach(Visit visit) const {
  bool sealed = false;
  walk(bytes, [&](uint16_t type, Bytes value, size_t) {
    if (!sealed || type == kMessageIntegritySha256 || type == kFingerprint) visit(type, value);
    sealed = sealed || type == kMessageIntegrity || type == kMessageIntegritySha256;
    return type != kFingerprint;
  });
}

}  // namespace sluice::stun
