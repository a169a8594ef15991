#include "filters/stun_turn/attributes.h"

#include <algorithm>

namespace sluice::stun_turn {
namespace {

constexpr uint16_t kFirstOptional = 0x8000;  // RFC 8489 section 14

constexpr uint16_t kUnderstood[] = {stun::kMappedAddress,
                                    stun::kUsername,
                                    stun::kMessageIntegrity,
                                    stun::kErrorCode,
                                    stun::kUnknownAttributes,
                                    stun::kChannelNumber,
                                    stun::kLifetime,
                                    stun::kXorPeerAddress,
                                    stun::kData,
                                    stun::kRealm,
                                    stun::kNonce,
                                    stun::kXorRelayedAddress,
                                    stun::kEvenPort,
                                    stun::kRequestedTransport,
                                    stun::kDontFragment,
                                    stun::kPasswordAlgorithm,
                                    stun::kUserhash,
                                    stun::kMessageIntegritySha256,
                                    stun::kXorMappedAddress,
                                    stun::kReservationToken,
                                    stun::kPriority,
                                    stun::kRequestedAddressFamily,
                                    stun::kUseCandidate};
constexpr uint16_t kNatDiscovery[] = {stun::kChangeRequest, stun::kPadding, stun::kResponsePort};

bool contains(std::span<const uint16_t> types, uint16_t type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

void UnknownAttributes::addTo(stun::Writer& writer) const {
  std::array<uint8_t, 2 * std::tuple_size_v<decltype(types)>> value;
  for (size_t i = 0; i < count; ++i) writeU16(&value[2 * i], types[i]);
  writer.add(stun::kUnknownAttributes, Bytes(value).first(2 * count));
}

UnknownAttributes findUnknown(const stun::Message& message, bool nat_discovery) {
  UnknownAttributes unknown;
  message.forEach([&](uint16_t type, Bytes) {
    if (type >= kFirstOptional || contains(kUnderstood, type) || unknown.count == unknown.types.size())
      return;
    if (nat_discovery && contains(kNatDiscovery, type)) return;
    if (!contains(std::span(unknown.types).first(unknown.count), type)) unknown.types[unknown.count++] = type;
  });
  return unknown;
}

stun::TransportAddress toStun(const net::Address& address) {
  stun::TransportAddress out;
  const Bytes ip = address.ip();
  std::copy(ip.begin(), ip.end(), out.ip.begin());
  out.ip_length = static_cast<uint8_t>(ip.size());
  out.port = address.port();
  return out;
}

net::Address fromStun(const stun::TransportAddress& address) {
  return net::Address(Bytes(address.ip).first(address.ip_length), address.port);
}

}  // namespace sluice::stun_turn
