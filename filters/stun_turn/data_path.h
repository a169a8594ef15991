// The data of one allocation in both directions (RFC 8656 sections 11 and 12): Send indications and
// ChannelData from the client; datagrams and ICMP errors from peers.
#pragma once

#include "filters/stun_turn/peer_access.h"
#include "filters/stun_turn/relay.h"
#include "filters/stun_turn/relayed_addresses.h"
#include "filters/stun_turn/statistics.h"
#include "source/turn/allocation.h"
#include "source/turn/transaction_ids.h"

namespace sluice::stun_turn {

// The bytes that were relayed for one client; its allocations follow one another.
struct RelayedBytes {
  uint64_t to_peers = 0;
  uint64_t from_peers = 0;
};

class DataPath final : public RelayUser {
 public:
  // All arguments outlive this; `settings` may be replaced by reload().
  DataPath(Context context, StunWorker& worker, const TurnSettings& settings,
           const turn::Allocation& allocation, const RelayedAddresses& relayed, const QuotaPlace& place,
           RelayedBytes& bytes);

  void reload(const TurnSettings& settings) { settings_ = &settings; }

  void onSendIndication(net::PacketPtr&& packet, const stun::Message& indication);
  void onChannelData(net::PacketPtr&& packet);

  // RelayUser
  void onPeerPacket(net::PacketPtr&& packet) override;
  void onPeerIcmp(const net::IcmpError& error) override;
  void onRelayFailed() override { context_.countDrop(Drop::kSendFailed); }
  void onUnmatchedPeer() override { context_.countDrop(Drop::kNoPermission); }
  bool permits(const net::Address& peer) const override {
    return allocation_.isPermitted(peer, context_.now());
  }
  bool expects(const net::Address& ip) const override { return allocation_.expects(ip, context_.now()); }
  // One for each permission, and one for each channel.
  size_t maxClaims() const override { return 2 * settings_->max_peers_per_allocation; }

 private:
  void toPeer(net::PacketPtr&& packet, const net::Address& peer, turn::Allocation::Permitted permitted);
  // These wrap a peer's data in a message, in place. False if the packet has no room.
  static bool wrapInChannelData(net::Packet& packet, uint16_t channel);
  bool wrapInDataIndication(net::Packet& packet, const net::Address& peer);
  bool withinBandwidth(size_t bytes);
  PeerAccess peers() const { return {context_.session(), worker_, *settings_}; }

  Context context_;
  StunWorker& worker_;
  const TurnSettings* settings_;
  const turn::Allocation& allocation_;
  const RelayedAddresses& relayed_;
  const QuotaPlace& place_;
  RelayedBytes& bytes_;
  turn::TransactionIds ids_;
};

}  // namespace sluice::stun_turn
