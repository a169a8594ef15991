#include "source/turn/requests.h"

#include "source/turn/allocation.h"
#include "source/turn/wire.h"

namespace sluice::turn {

using stun::AddressFamily;
using stun::ErrorCode;

std::optional<ErrorCode> parseAllocate(const stun::Message& request, AllocateRequest& out) {
  const auto transport = request.requestedTransport();
  if (!transport) return ErrorCode::kBadRequest;
  if (*transport != kUdp) return ErrorCode::kUnsupportedTransportProtocol;
  const bool requested = request.has(stun::kRequestedAddressFamily);
  const bool additional = request.has(stun::kAdditionalAddressFamily);
  const bool even = request.has(stun::kEvenPort);
  if (request.has(stun::kReservationToken)) {
    out.token = request.reservationToken();
    if (even || requested || additional || !out.token) return ErrorCode::kBadRequest;
    return std::nullopt;
  }
  if (requested && additional) return ErrorCode::kBadRequest;
  out.v4 = true;
  if (requested) {
    const auto family = request.requestedAddressFamily();
    if (!family) return ErrorCode::kBadRequest;
    out.v4 = family == AddressFamily::kIpv4;
    out.v6 = family == AddressFamily::kIpv6;
    if (!out.v4 && !out.v6) return ErrorCode::kAddressFamilyNotSupported;
  }
  if (even) {
    const auto reserve = request.evenPort();
    if (!reserve) return ErrorCode::kBadRequest;
    out.even = true;
    out.reserve = *reserve;
    if (out.reserve && additional) return ErrorCode::kBadRequest;
  }
  if (additional) {
    if (request.additionalAddressFamily() != AddressFamily::kIpv6) return ErrorCode::kBadRequest;
    out.v6 = true;
  }
  return std::nullopt;
}

std::optional<ChannelBindRequest> parseChannelBind(const stun::Message& request, uint16_t last_channel) {
  const auto channel = request.channelNumber();
  const auto peer = request.xorPeerAddress();
  if (!channel || !peer || peer->port == 0) return std::nullopt;
  if (*channel < Allocation::kFirstChannel || *channel > last_channel) return std::nullopt;
  return ChannelBindRequest{*channel, fromStun(*peer)};
}

}  // namespace sluice::turn
