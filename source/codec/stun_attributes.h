// STUN attributes (RFC 8489 section 18.3), and the table of those that this server understands.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace sluice::stun {

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

// The usage that defines an attribute.
enum class Usage : uint8_t {
  kStun,          // RFC 8489: every message
  kIce,           // RFC 8445: Binding
  kNatDiscovery,  // RFC 5780: Binding, understood only by a server that offers it
  kTurn,          // RFC 8656: TURN's methods
};

// RFC 8489 section 14. A request with such an attribute that its receiver does not understand gets error 420.
constexpr bool isComprehensionRequired(uint16_t type) {
  return type < 0x8000;
}

struct AttributeSpec {
  uint16_t type;
  std::string_view name;  // as the RFC writes it
  Usage usage;
};

// The attributes that this server reads or writes, in ascending order.
inline constexpr AttributeSpec kAttributes[] = {
    {kMappedAddress, "MAPPED-ADDRESS", Usage::kStun},
    {kChangeRequest, "CHANGE-REQUEST", Usage::kNatDiscovery},
    {kUsername, "USERNAME", Usage::kStun},
    {kMessageIntegrity, "MESSAGE-INTEGRITY", Usage::kStun},
    {kErrorCode, "ERROR-CODE", Usage::kStun},
    {kUnknownAttributes, "UNKNOWN-ATTRIBUTES", Usage::kStun},
    {kChannelNumber, "CHANNEL-NUMBER", Usage::kTurn},
    {kLifetime, "LIFETIME", Usage::kTurn},
    {kXorPeerAddress, "XOR-PEER-ADDRESS", Usage::kTurn},
    {kData, "DATA", Usage::kTurn},
    {kRealm, "REALM", Usage::kStun},
    {kNonce, "NONCE", Usage::kStun},
    {kXorRelayedAddress, "XOR-RELAYED-ADDRESS", Usage::kTurn},
    {kRequestedAddressFamily, "REQUESTED-ADDRESS-FAMILY", Usage::kTurn},
    {kEvenPort, "EVEN-PORT", Usage::kTurn},
    {kRequestedTransport, "REQUESTED-TRANSPORT", Usage::kTurn},
    {kDontFragment, "DONT-FRAGMENT", Usage::kTurn},
    {kMessageIntegritySha256, "MESSAGE-INTEGRITY-SHA256", Usage::kStun},
    {kPasswordAlgorithm, "PASSWORD-ALGORITHM", Usage::kStun},
    {kUserhash, "USERHASH", Usage::kStun},
    {kXorMappedAddress, "XOR-MAPPED-ADDRESS", Usage::kStun},
    {kReservationToken, "RESERVATION-TOKEN", Usage::kTurn},
    {kPriority, "PRIORITY", Usage::kIce},
    {kUseCandidate, "USE-CANDIDATE", Usage::kIce},
    {kPadding, "PADDING", Usage::kNatDiscovery},
    {kResponsePort, "RESPONSE-PORT", Usage::kNatDiscovery},
    {kAdditionalAddressFamily, "ADDITIONAL-ADDRESS-FAMILY", Usage::kTurn},
    {kAddressErrorCode, "ADDRESS-ERROR-CODE", Usage::kTurn},
    {kPasswordAlgorithms, "PASSWORD-ALGORITHMS", Usage::kStun},
    {kIcmp, "ICMP", Usage::kTurn},
    {kSoftware, "SOFTWARE", Usage::kStun},
    {kAlternateServer, "ALTERNATE-SERVER", Usage::kStun},
    {kFingerprint, "FINGERPRINT", Usage::kStun},
    {kIceControlled, "ICE-CONTROLLED", Usage::kIce},
    {kIceControlling, "ICE-CONTROLLING", Usage::kIce},
    {kResponseOrigin, "RESPONSE-ORIGIN", Usage::kNatDiscovery},
    {kOtherAddress, "OTHER-ADDRESS", Usage::kNatDiscovery},
};
constexpr size_t kAttributeCount = std::size(kAttributes);

// Indices of kAttributes by type; 0xFF: none. The types are 0x0000-0x003F and 0x8000-0x803F.
inline constexpr auto kAttributeIndices = [] {
  std::array<uint8_t, 128> indices{};
  indices.fill(0xFF);
  for (size_t i = 0; i < kAttributeCount; ++i) {
    const uint16_t type = kAttributes[i].type;
    indices.at((type & 0x7FFF) | (type >> 15 << 6)) = static_cast<uint8_t>(i);
  }
  return indices;
}();

// The index of a type in kAttributes. Constant time.
constexpr std::optional<size_t> attributeIndex(uint16_t type) {
  if ((type & 0x7FC0) != 0) return std::nullopt;
  const uint8_t index = kAttributeIndices[(type & 0x3F) | (type >> 15 << 6)];
  if (index == 0xFF) return std::nullopt;
  return index;
}

// Null for a type that is not in the table.
constexpr const AttributeSpec* findAttribute(uint16_t type) {
  const auto index = attributeIndex(type);
  return index ? &kAttributes[*index] : nullptr;
}

}  // namespace sluice::stun
