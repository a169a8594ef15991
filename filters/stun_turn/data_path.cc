#include "filters/stun_turn/data_path.h"

#include <algorithm>

#include "source/codec/unknown_attributes.h"
#include "source/turn/channel_data.h"
#include "source/turn/wire.h"

namespace sluice::stun_turn {
namespace {

constexpr double kBurstSeconds = 0.25;    // of bandwidth limits
constexpr double kMinBurstBits = 64'000;  // a few packets in any case

// RFC 8656 section 11.5.
bool isRelayedIcmp(const net::IcmpError& error) {
  return error.peer.isV6() ? error.type >= 1 && error.type <= 3 : error.type == 3 || error.type == 11;
}

}  // namespace

DataPath::DataPath(chain::FilterContext& context, StunWorker& worker, const TurnSettings& settings,
                   const turn::Allocation& allocation, const RelayedAddresses& relayed,
                   const QuotaPlace& place, RelayedBytes& bytes)
    : context_(context),
      worker_(worker),
      settings_(&settings),
      allocation_(allocation),
      relayed_(relayed),
      place_(place),
      bytes_(bytes) {}

void DataPath::onSendIndication(net::PacketPtr&& packet, const stun::Message& indication) {
  if (!stun::findUnknown(indication, false).empty()) {
    return context_.drop(std::move(packet), Drop::kUnknownAttribute);
  }
  const auto to = indication.xorPeerAddress();
  const auto data = indication.find(stun::kData);
  if (!to || !data) return context_.drop(std::move(packet), Drop::kMalformed);
  // Translations between other families ignore it (RFC 8656 section 13).
  const bool v4_to_v4 = !packet->remote.isV6() && to->ip_length == 4;
  packet->dont_fragment = v4_to_v4 && indication.dontFragment();
  packet->removePrefix(static_cast<size_t>(data->data() - packet->data().data()));
  packet->resize(data->size());
  const net::Address peer = peers().toLocal(turn::fromStun(*to));
  toPeer(std::move(packet), peer, allocation_.permitted(peer, context_.now()));
}

void DataPath::onChannelData(net::PacketPtr&& packet) {
  const auto header = turn::parseChannelData(packet->data());
  if (!header) return context_.drop(std::move(packet), Drop::kMalformed);
  const auto* channel = allocation_.channel(header->channel, context_.now());
  if (channel == nullptr) return context_.drop(std::move(packet), Drop::kNoChannel);
  packet->removePrefix(turn::kChannelDataHeader);
  packet->resize(header->length);
  toPeer(std::move(packet), channel->peer, allocation_.permitted(*channel, context_.now()));
}

void DataPath::toPeer(net::PacketPtr&& packet, const net::Address& peer,
                      turn::Allocation::Permitted permitted) {
  using enum turn::Allocation::Permitted;
  Relay* relay = relayed_.liveFor(peer, context_.now());
  // A port that was permitted as a relay of this server may belong to another program by now.
  if (relay == nullptr || permitted == kNo || (permitted == kThisPort && !relay->isOurs(peer))) {
    return context_.drop(std::move(packet), Drop::kNoPermission);
  }
  if (!relay->claim(peer)) return context_.drop(std::move(packet), Drop::kPeerTaken);
  const size_t size = packet->size();
  if (!withinBandwidth(size)) return context_.drop(std::move(packet), Drop::kBandwidth);
  packet->remote = peer;
  packet->ttl = 0;
  context_.count(Count::kToPeer);
  context_.count(Count::kToPeerBytes, size);
  bytes_.to_peers += size;
  if (relay->send(std::move(packet))) context_.count(Count::kRelayedInside);
}

bool DataPath::withinBandwidth(size_t bytes) {
  if (settings_->max_bandwidth_per_user == 0 && settings_->max_bandwidth == 0) return true;
  const auto bits = 8.0 * static_cast<double>(bytes);
  const Instant now = context_.now();
  const auto take = [&](SharedBucket& bucket, double rate) {
    return rate == 0 || bucket.take(bits, rate, std::max(kMinBurstBits, kBurstSeconds * rate), now);
  };
  // When allocations are scarce, users get half.
  const double share = settings_->isScarce(place_.process->allocations()) ? 0.5 : 1;
  return take(place_.account->bandwidth, share * settings_->max_bandwidth_per_user) &&
         take(place_.process->bandwidth(), settings_->max_bandwidth);
}

void DataPath::onPeerPacket(net::PacketPtr&& packet) {
  const net::Address peer = packet->remote;
  const Instant now = context_.now();
  const auto* channel = allocation_.channel(peer, now);
  const bool permitted = channel != nullptr ? allocation_.isPermitted(*channel, now) : permits(peer);
  if (!permitted || relayed_.liveFor(peer, now) == nullptr) {
    return context_.drop(std::move(packet), Drop::kNoPermission);
  }
  const size_t size = packet->size();
  if (!withinBandwidth(size)) return context_.drop(std::move(packet), Drop::kBandwidth);
  const bool wrapped = channel != nullptr ? wrapInChannelData(*packet, channel->number)
                                          : wrapInDataIndication(*packet, peers().toExternal(peer));
  if (!wrapped) return context_.drop(std::move(packet), Drop::kTooLong);
  context_.count(Count::kFromPeer);
  context_.count(Count::kFromPeerBytes, size);
  bytes_.from_peers += size;
  packet->kind = PacketKind::kTurnChannel;
  packet->remote = packet->local = {};
  packet->ttl = 0;
  context_.egress(std::move(packet));
}

bool DataPath::wrapInChannelData(net::Packet& packet, uint16_t channel) {
  if (packet.headroom() < turn::kChannelDataHeader) return false;
  const auto length = static_cast<uint16_t>(packet.size());
  packet.prepend(turn::kChannelDataHeader);
  turn::writeChannelDataHeader(packet.data(), {.channel = channel, .length = length});
  return true;
}

bool DataPath::wrapInDataIndication(net::Packet& packet, const net::Address& peer) {
  const stun::TransportAddress from = turn::toStun(peer);
  const size_t size = packet.size();
  const size_t head = stun::dataHeadSize(from);
  const size_t padding = (4 - size % 4) % 4;
  if (packet.headroom() < head || packet.tailroom() < padding) return false;
  packet.resize(size + padding);
  std::fill_n(packet.data().end() - static_cast<ptrdiff_t>(padding), padding, uint8_t{0});
  packet.prepend(head);
  stun::writeDataHead(packet.data(), ids_.next(), from, size);
  return true;
}

void DataPath::onPeerIcmp(const net::IcmpError& error) {
  if (!isRelayedIcmp(error) || !permits(error.peer)) return;
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  packet->resize(net::Packet::kMaxPayload);
  stun::Writer writer(packet->data(), stun::kDataIndication, stun::Class::kIndication, ids_.next());
  writer.addXorAddress(stun::kXorPeerAddress, turn::toStun(peers().toExternal(error.peer)));
  uint8_t value[8] = {};
  writeU16(value + 2, static_cast<uint16_t>(error.type << 9 | error.code));  // section 18.13: 7 and 9 bits
  writeU32(value + 4, error.mtu);
  writer.add(stun::kIcmp, Bytes(value));
  packet->resize(*writer.finish());
  context_.count(Count::kIcmp);
  packet->kind = PacketKind::kTurn;
  packet->received = context_.now();
  context_.egress(std::move(packet));
}

}  // namespace sluice::stun_turn
