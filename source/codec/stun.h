// Reads STUN messages (RFC 8489) with the attributes of ICE (RFC 8445) and TURN (RFC 8656). Views into the
// caller's bytes; nothing allocates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "source/base/bytes.h"
#include "source/codec/stun_attributes.h"

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

constexpr size_t kHeaderSize = 20;
constexpr size_t kMaxMessage = 1500;  // bytes; longer messages fail every check

using TransactionId = std::array<uint8_t, 12>;
using ReservationToken = std::array<uint8_t, 8>;
// HMAC-SHA1 (20 bytes) or HMAC-SHA256 (32 bytes) of `message` into `out`. The codec itself contains no
// cryptography.
using Hmac = void (*)(Bytes key, Bytes message, uint8_t* out);

struct TransportAddress {
  std::array<uint8_t, 16> ip{};
  uint8_t ip_length = 4;  // 4 or 16
  uint16_t port = 0;
};

// RFC 8656 section 18.6. On the wire there may be others.
enum class AddressFamily : uint8_t { kIpv4 = 1, kIpv6 = 2 };

// The order of a message's attributes (RFC 8489 section 14.5): those after MESSAGE-INTEGRITY are ignored,
// except MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, which is the last one.
class AttributeOrder {
 public:
  // False if the attribute is ignored. Call it for each attribute, in the message's order.
  bool counts(uint16_t type) {
    if (ended_) return false;
    const bool counts = !sealed_ || type == kMessageIntegritySha256 || type == kFingerprint;
    sealed_ = sealed_ || type == kMessageIntegrity || type == kMessageIntegritySha256;
    ended_ = type == kFingerprint;
    return counts;
  }

 private:
  bool sealed_ = false;
  bool ended_ = false;
};

// A well-formed message: the header and every attribute's bounds are checked. Finding an attribute of
// kAttributes takes constant time.
class Message {
 public:
  Bytes bytes;
  uint16_t method = 0;
  Class kind = Class::kRequest;
  TransactionId id{};

  // The value of the first attribute of this type that is not ignored.
  std::optional<Bytes> find(uint16_t type) const;
  bool has(uint16_t type) const { return offsetOf(type) != 0; }
  // Returns nothing if the value does not have four bytes.
  std::optional<uint32_t> findU32(uint16_t type) const;
  // Calls `visit(type, value)` for every attribute that is not ignored.
  template <typename Visit>
  void forEach(Visit visit) const;

  // The decoded attributes. Nothing if an attribute is absent or malformed; has() distinguishes the two.
  std::optional<std::string_view> username() const { return findText(kUsername); }
  std::optional<std::string_view> realm() const { return findText(kRealm); }
  std::optional<std::string_view> nonce() const { return findText(kNonce); }
  std::optional<uint16_t> passwordAlgorithm() const;  // one that has no parameters
  std::optional<unsigned> errorCode() const;          // 300-699, also one that ErrorCode lacks
  std::optional<uint32_t> priority() const { return findU32(kPriority); }
  bool useCandidate() const { return has(kUseCandidate); }
  std::optional<uint32_t> changeRequest() const { return findU32(kChangeRequest); }  // flags
  std::optional<uint16_t> responsePort() const;                                      // never 0
  std::optional<uint16_t> channelNumber() const;
  std::optional<uint32_t> lifetime() const { return findU32(kLifetime); }  // seconds
  std::optional<uint8_t> requestedTransport() const { return firstOfFour(kRequestedTransport); }
  std::optional<AddressFamily> requestedAddressFamily() const { return family(kRequestedAddressFamily); }
  std::optional<AddressFamily> additionalAddressFamily() const { return family(kAdditionalAddressFamily); }
  std::optional<bool> evenPort() const;  // true: reserve the next higher port
  bool dontFragment() const { return has(kDontFragment); }
  std::optional<ReservationToken> reservationToken() const;
  std::optional<TransportAddress> xorPeerAddress() const { return xorAddress(kXorPeerAddress); }  // the first
  std::optional<TransportAddress> xorMappedAddress() const { return xorAddress(kXorMappedAddress); }
  std::optional<TransportAddress> xorAddress(uint16_t type) const;
  // Decodes one attribute's value.
  std::optional<TransportAddress> decodeXorAddress(Bytes value) const;

  bool hasIntegrity() const { return has(kMessageIntegrity) || has(kMessageIntegritySha256); }
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

 private:
  friend std::optional<Message> parse(Bytes bytes);

  // Returns where the first attribute of this type begins that is not ignored; 0: there is none.
  size_t offsetOf(uint16_t type) const;
  std::optional<std::string_view> findText(uint16_t type) const;
  std::optional<uint8_t> firstOfFour(uint16_t type) const;
  std::optional<AddressFamily> family(uint16_t type) const;
  bool checkHmac(uint16_t type, size_t size, Bytes key, Hmac hmac) const;

  std::array<uint16_t, kAttributeCount> offsets_{};  // of kAttributes, in units of four bytes; 0: absent
};

std::optional<Message> parse(Bytes bytes);

// The part of an ICE check's USERNAME that its receiver issued (RFC 8445 section 7.2.2: "local:remote", as
// the receiver sees it). Empty if there is none.
std::string_view localUfrag(const Message& message);

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
  AttributeOrder order;
  walk(bytes, [&](uint16_t type, Bytes value, size_t) {
    if (order.counts(type)) visit(type, value);
    return true;
  });
}

}  // namespace sluice::stun
