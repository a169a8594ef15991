// One client of the TURN server (RFC 8656): its requests, its allocation, and its data in both directions.
#pragma once

#include <functional>
#include <optional>

#include "filters/stun_turn/allocation.h"
#include "filters/stun_turn/attributes.h"
#include "filters/stun_turn/relay.h"
#include "filters/stun_turn/statistics.h"
#include "filters/stun_turn/stun_worker.h"
#include "filters/stun_turn/transactions.h"
#include "filters/stun_turn/turn_settings.h"
#include "source/chain/filter.h"

namespace sluice::stun_turn {

class Turn final : private RelayUser {
 public:
  // `settings` must outlive this or be replaced by reload().
  Turn(chain::FilterContext& context, StunWorker& worker, AnswerLimits& limits, const TurnSettings& settings,
       std::string_view software);
  ~Turn() override;

  static bool isRequest(uint16_t method);
  // Requires isRequest(request.method).
  void onRequest(const net::Packet& packet, const stun::Message& request);
  void onSendIndication(net::PacketPtr&& packet, const stun::Message& indication);
  void onChannelData(net::PacketPtr&& packet);

  void reload(const TurnSettings& settings, std::string_view software);
  // The allocation with its relayed addresses, and the responses that may have to be repeated.
  bool archive(Archive& a);
  void describe(chain::Description& out) const;

 private:
  // An authenticated request and the packet for its response.
  struct Exchange {
    const net::Packet& packet;
    const stun::Message& request;
    const Authentication& auth;
    net::PacketPtr response;
  };
  // The result of opening relayed addresses. Error codes; 0: none.
  struct Opened {
    unsigned error = 0;
    uint8_t missing_family = 0;  // of two that were requested, as on the wire
    unsigned missing_code = 0;
  };
  // The content of an Allocate request.
  struct AllocateRequest {
    bool v4 = false, v6 = false;
    bool even = false, reserve = false;
    std::optional<ReservationToken> token;
    std::optional<TurnProcess::Reserved> reserved = std::nullopt;  // that the token was for
  };
  // A relayed address; the two of a dual allocation have lifetimes of their own.
  struct RelayedAddress {
    std::unique_ptr<Relay> relay;
    Instant until{};
  };
  enum class Vetted { kDenied, kThisPort, kAnyPort };

  // Returns nullopt if the sender must not get a response now.
  std::optional<Authentication> authenticate(const net::Packet& packet, const stun::Message& request);
  void challenge(const net::Packet& packet, const stun::Message& request, unsigned code);
  void handle(Exchange& exchange);
  void allocate(Exchange& exchange);
  // Takes places in the quotas, or refuses.
  bool admit(Exchange& exchange, const AllocateRequest& wanted);
  void refuseForCapacity(Exchange& exchange);
  unsigned readAllocateRequest(const stun::Message& request,
                               AllocateRequest& wanted) const;  // an error code or 0
  Opened openRelays(AllocateRequest& wanted, std::optional<ReservationToken>& reserved);
  std::unique_ptr<Relay> openRelay(const net::Address& ip, const AllocateRequest& wanted,
                                   std::optional<ReservationToken>& reserved);
  void refresh(Exchange& exchange);
  void createPermission(Exchange& exchange);
  void channelBind(Exchange& exchange);
  Vetted vet(const net::Address& peer) const;
  // Translates a peer's address, as clients know it, into the local one.
  net::Address toLocal(const net::Address& external) const;

  using Fill = std::function<void(stun::Writer&)>;
  void answer(Exchange& exchange, stun::Class kind, const Fill& fill);
  void grant(Exchange& exchange);
  void refuse(Exchange& exchange, unsigned code);
  void refuseUnknown(Exchange& exchange, const UnknownAttributes& unknown);
  // Sends it back along the request's path.
  void send(net::PacketPtr packet, const net::Packet& request);

  void toPeer(net::PacketPtr&& packet, const net::Address& peer, Allocation::Permitted permitted);
  bool wrap(net::Packet& packet, const net::Address& peer);
  bool withinBandwidth(size_t bytes);
  bool isLive() const { return allocation_ && allocation_->isLive(context_.now()); }
  // Null if the allocation has no relayed address of the peer's family, or no longer has one.
  Relay* relayFor(const net::Address& peer) const;
  RelayedAddress& relayedAddress(bool v6) { return v6 ? v6_ : v4_; }
  Instant latestExpiry() const;
  void expireWays();
  void sweep();
  void archiveRelayedAddress(Archive& a, RelayedAddress& relayed);
  std::unique_ptr<Relay> adoptRelay(const net::Address& address, int descriptor, bool shared);
  void onTimer();
  void end(Count reason);
  void abandon();

  // RelayUser
  void onPeerPacket(net::PacketPtr&& packet) override;
  void onPeerIcmp(const net::IcmpError& error) override;
  void onRelayFailed() override { context_.countDrop(Drop::kSendFailed); }
  void onUnmatchedPeer() override { context_.countDrop(Drop::kNoPermission); }
  bool permits(const net::Address& peer) const override;
  bool expects(const net::Address& ip) const override {
    return allocation_ && allocation_->expects(ip, context_.now());
  }
  // One for each permission, and one for each channel.
  size_t mostClaims() const override { return 2 * settings_->max_peers_per_allocation; }

  chain::FilterContext& context_;
  StunWorker& worker_;
  AnswerLimits& limits_;
  const TurnSettings* settings_;
  std::string_view software_;
  Transactions transactions_;
  std::optional<Allocation> allocation_;
  std::string account_name_;
  std::shared_ptr<Account> account_;
  std::shared_ptr<TurnProcess> process_;  // to which account_ belongs
  RelayedAddress v4_;
  RelayedAddress v6_;
  uint64_t bytes_to_peers_ = 0;
  uint64_t bytes_from_peers_ = 0;
  TransactionIds ids_;
  net::Timer timer_;
};

}  // namespace sluice::stun_turn
