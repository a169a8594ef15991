#include "filters/stun_turn/turn.h"

#include <algorithm>

#include "filters/stun_turn/attributes.h"

namespace sluice::stun_turn {
namespace {

constexpr size_t kChannelHeader = 4;
constexpr Duration kHousekeeping = 60s;
constexpr double kBurstSeconds = 0.25;    // of bandwidth limits
constexpr double kMinBurstBits = 64'000;  // a few packets in any case

// Section 11.5.
bool isRelayedIcmp(const net::IcmpError& error) {
  return error.peer.isV6() ? error.type >= 1 && error.type <= 3 : error.type == 3 || error.type == 11;
}

}  // namespace

Turn::Turn(chain::FilterContext& context, StunWorker& worker, AnswerLimits& limits,
           const TurnSettings& settings, std::string_view software)
    : context_(context),
      worker_(worker),
      limits_(limits),
      settings_(&settings),
      software_(software),
      timer_(context.timers(), [this] { onTimer(); }) {}

Turn::~Turn() {
  if (allocation_) end(Count::kEndedSession);
}

void Turn::onSendIndication(net::PacketPtr&& packet, const stun::Message& indication) {
  if (!isLive()) return context_.drop(std::move(packet), Drop::kNoAllocation);
  if (findUnknown(indication, false).count > 0) {
    return context_.drop(std::move(packet), Drop::kUnknownAttribute);
  }
  const auto to = indication.xorAddress(stun::kXorPeerAddress);
  const auto data = indication.find(stun::kData);
  if (!to || !data) return context_.drop(std::move(packet), Drop::kMalformed);
  // Translations between other families ignore it (RFC 8656 section 13).
  const bool v4_to_v4 = !packet->remote.isV6() && to->ip_length == 4;
  packet->dont_fragment = v4_to_v4 && indication.has(stun::kDontFragment);
  packet->removePrefix(static_cast<size_t>(data->data() - packet->data().data()));
  packet->resize(data->size());
  const net::Address peer = toLocal(fromStun(*to));
  toPeer(std::move(packet), peer, allocation_->permitted(peer, context_.now()));
}

void Turn::onChannelData(net::PacketPtr&& packet) {
  if (!isLive()) return context_.drop(std::move(packet), Drop::kNoAllocation);
  const Bytes bytes = packet->data();
  if (bytes.size() < kChannelHeader) return context_.drop(std::move(packet), Drop::kMalformed);
  const size_t length = readU16(&bytes[2]);
  if (length > bytes.size() - kChannelHeader) return context_.drop(std::move(packet), Drop::kMalformed);
  const auto* channel = allocation_->channel(readU16(bytes.data()), context_.now());
  if (channel == nullptr) return context_.drop(std::move(packet), Drop::kNoChannel);
  packet->removePrefix(kChannelHeader);
  packet->resize(length);
  toPeer(std::move(packet), channel->peer, allocation_->permitted(*channel, context_.now()));
}

void Turn::toPeer(net::PacketPtr&& packet, const net::Address& peer, Allocation::Permitted permitted) {
  using enum Allocation::Permitted;
  Relay* relay = relayFor(peer);
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
  bytes_to_peers_ += size;
  if (relay->send(std::move(packet))) context_.count(Count::kRelayedInside);
}

bool Turn::withinBandwidth(size_t bytes) {
  if (settings_->max_bandwidth_per_user == 0 && settings_->max_bandwidth == 0) return true;
  const auto bits = 8.0 * static_cast<double>(bytes);
  const Instant now = context_.now();
  const auto take = [&](SharedBucket& bucket, double rate) {
    return rate == 0 || bucket.take(bits, rate, std::max(kMinBurstBits, kBurstSeconds * rate), now);
  };
  // When allocations are scarce, users get half.
  const double share = settings_->isScarce(process_->allocations()) ? 0.5 : 1;
  return take(account_->bandwidth, share * settings_->max_bandwidth_per_user) &&
         take(process_->bandwidth(), settings_->max_bandwidth);
}

bool Turn::permits(const net::Address& peer) const {
  return allocation_ && allocation_->isPermitted(peer, context_.now());
}

void Turn::onPeerPacket(net::PacketPtr&& packet) {
  const net::Address peer = packet->remote;
  const auto* channel = allocation_ ? allocation_->channel(peer, context_.now()) : nullptr;
  const bool permitted =
      channel != nullptr ? allocation_->isPermitted(*channel, context_.now()) : permits(peer);
  if (!permitted || relayFor(peer) == nullptr) {
    return context_.drop(std::move(packet), Drop::kNoPermission);
  }
  const size_t size = packet->size();
  if (!withinBandwidth(size)) return context_.drop(std::move(packet), Drop::kBandwidth);
  if (channel != nullptr) {
    if (packet->headroom() < kChannelHeader) return context_.drop(std::move(packet), Drop::kTooLong);
    packet->prepend(kChannelHeader);
    writeU16(packet->data().data(), channel->number);
    writeU16(packet->data().data() + 2, static_cast<uint16_t>(size));
  } else if (!wrap(*packet, settings_->nat->toExternal(peer))) {
    return context_.drop(std::move(packet), Drop::kTooLong);
  }
  context_.count(Count::kFromPeer);
  context_.count(Count::kFromPeerBytes, size);
  bytes_from_peers_ += size;
  packet->kind = PacketKind::kTurnChannel;
  packet->remote = packet->local = {};
  packet->ttl = 0;
  context_.egress(std::move(packet));
}

// Wraps the data in a Data indication, in place.
bool Turn::wrap(net::Packet& packet, const net::Address& peer) {
  const stun::TransportAddress from = toStun(peer);
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

void Turn::onPeerIcmp(const net::IcmpError& error) {
  if (!isRelayedIcmp(error) || !permits(error.peer)) return;
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  packet->resize(net::Packet::kMaxPayload);
  stun::Writer writer(packet->data(), stun::kDataIndication, stun::Class::kIndication, ids_.next());
  writer.addXorAddress(stun::kXorPeerAddress, toStun(settings_->nat->toExternal(error.peer)));
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

void Turn::send(net::PacketPtr packet, const net::Packet& request) {
  packet->kind = PacketKind::kTurn;
  packet->remote = request.remote;
  packet->local = request.local;
  packet->received = context_.now();
  context_.egress(std::move(packet));
}

// Ends permissions that have expired, or that the policy no longer allows.
void Turn::sweep() {
  allocation_->sweep(context_.now(), [&](const net::Address& peer) { return vet(peer) != Vetted::kDenied; });
  for (const RelayedAddress* relayed : {&v4_, &v6_}) {
    if (relayed->relay != nullptr) relayed->relay->forgetUnexpected();
  }
}

void Turn::onTimer() {
  const Instant now = context_.now();
  if (!allocation_->isLive(now)) return end(Count::kEndedExpired);
  expireWays();
  sweep();
  Instant next = now + kHousekeeping;
  for (const RelayedAddress* relayed : {&v4_, &v6_}) {
    if (relayed->relay != nullptr) next = std::min(next, relayed->until);
  }
  timer_.armAt(next);
}

Relay* Turn::relayFor(const net::Address& peer) const {
  const RelayedAddress& relayed = peer.isV6() ? v6_ : v4_;
  return context_.now() < relayed.until ? relayed.relay.get() : nullptr;
}

// The allocation lives as long as one of its relayed addresses.
Instant Turn::latestExpiry() const {
  Instant last{};
  for (const RelayedAddress* relayed : {&v4_, &v6_}) {
    if (relayed->relay != nullptr) last = std::max(last, relayed->until);
  }
  return last;
}

// A relayed address that ends takes its own permissions and channels with it, none of the other's (RFC 8656
// section 8.1).
void Turn::expireWays() {
  const Instant now = context_.now();
  for (RelayedAddress* relayed : {&v4_, &v6_}) {
    if (relayed->relay == nullptr || now < relayed->until) continue;
    relayed->relay.reset();
    allocation_->forget(relayed == &v6_);
  }
}

void Turn::end(Count reason) {
  abandon();
  context_.count(reason);
  context_.count(Count::kLiveAllocations, ~uint64_t{0});  // -1
  context_.session().keepAliveUntil(context_.now());
  context_.session().unauthenticate();
}

void Turn::abandon() {
  timer_.cancel();
  allocation_->end();
  v4_.relay.reset();
  v6_.relay.reset();
  allocation_.reset();
  account_.reset();
  process_->release(account_name_, context_.now());
}

void Turn::reload(const TurnSettings& settings, std::string_view software) {
  settings_ = &settings;
  software_ = software;
  if (!allocation_) return;
  allocation_->limitPeers(settings.max_peers_per_allocation);
  sweep();
}

void Turn::describe(chain::Description& out) const {
  if (!allocation_) return;
  const Instant now = context_.now();
  const auto seconds = [&](Instant until) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(until - now).count());
  };
  constexpr std::string_view kStates[] = {"allocating", "provisioned", "active", "expired"};
  out.emplace_back("allocation", kStates[static_cast<size_t>(allocation_->state(now))]);
  out.emplace_back("realm", settings_->auth->realm());
  out.emplace_back("user", allocation_->user());
  for (const RelayedAddress* relayed : {&v4_, &v6_}) {
    if (relayed->relay == nullptr) continue;
    out.emplace_back(relayed == &v6_ ? "relayed_address_v6" : "relayed_address",
                     settings_->nat->toExternal(relayed->relay->address()).toString());
  }
  out.emplace_back("expires_s", seconds(allocation_->expires()));
  std::string permissions, channels;
  allocation_->forEachPermission([&](const net::Address& ip, Instant until) {
    if (until > now) permissions += ip.ipString() + " " + seconds(until) + "s, ";
  });
  allocation_->forEachChannel([&](uint16_t number, const net::Address& peer, Instant until) {
    if (until > now)
      channels += std::to_string(number) + " " + peer.toString() + " " + seconds(until) + "s, ";
  });
  out.emplace_back("permissions",
                   permissions.substr(0, permissions.size() - std::min<size_t>(2, permissions.size())));
  out.emplace_back("channels", channels.substr(0, channels.size() - std::min<size_t>(2, channels.size())));
  out.emplace_back("bytes_to_peers", std::to_string(bytes_to_peers_));
  out.emplace_back("bytes_from_peers", std::to_string(bytes_from_peers_));
}

}  // namespace sluice::stun_turn
