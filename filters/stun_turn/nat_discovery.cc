#include "filters/stun_turn/nat_discovery.h"

#include "source/turn/wire.h"

namespace sluice::stun_turn {
namespace {

constexpr uint32_t kChangeIp = 4, kChangePort = 2;  // section 7.2

}  // namespace

NatDiscovery::Reply NatDiscovery::plan(const stun::Message& request, const net::Address& client,
                                       const net::Address& local) const {
  const bool at_primary_ip = local.withPort(0) == primary.withPort(0);
  const net::Address& other_ip = at_primary_ip ? other : primary;
  const uint16_t other_port = local.port() == primary.port() ? other.port() : primary.port();
  Reply reply;
  reply.other = other_ip.withPort(other_port);
  const uint32_t change = request.changeRequest().value_or(0);
  reply.from = ((change & kChangeIp) != 0 ? other_ip : local)
                   .withPort((change & kChangePort) != 0 ? other_port : local.port());
  reply.to = client;
  const bool has_port = request.has(stun::kResponsePort);
  if (const auto port = request.responsePort()) {
    reply.to = client.withPort(*port);
  } else if (has_port) {
    reply.error = stun::ErrorCode::kBadRequest;
  }
  if (const auto padding = request.find(stun::kPadding)) {
    if (has_port) reply.error = stun::ErrorCode::kBadRequest;
    reply.padding = padding->size();
  }
  reply.explicit_path = reply.from != local || reply.to != client;
  return reply;
}

void NatDiscovery::addTo(stun::Writer& writer, const Reply& reply, const net::Address& client, size_t limit) {
  const size_t address = 8 + client.ip().size();
  const auto add = [&](uint16_t type, const net::Address& value) {
    if (writer.size() + address < limit) writer.addAddress(type, turn::toStun(value));
  };
  add(stun::kOtherAddress, reply.other);
  add(stun::kResponseOrigin, reply.from);
  add(stun::kMappedAddress, client);
  if (reply.padding > 0 && writer.size() + reply.padding + 8 < limit) {
    static constexpr uint8_t kZeros[stun::kMaxMessage] = {};
    writer.add(stun::kPadding, Bytes(kZeros).first(reply.padding));
  }
}

}  // namespace sluice::stun_turn
