// The relayed addresses of one allocation (RFC 8656 section 3.2): at most one of each family, with lifetimes
// of their own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "filters/stun_turn/relay.h"
#include "filters/stun_turn/statistics.h"
#include "filters/stun_turn/stun_worker.h"
#include "filters/stun_turn/turn_settings.h"
#include "source/codec/stun_error.h"
#include "source/turn/requests.h"

namespace sluice::stun_turn {

class RelayedAddresses {
 public:
  // `user` gets the packets of the relays and outlives them.
  RelayedAddresses(Context context, StunWorker& worker, RelayUser& user)
      : context_(context), worker_(worker), user_(user) {}

  struct Missing {
    stun::AddressFamily family;
    stun::ErrorCode code;
  };
  struct Opened {
    std::optional<stun::ErrorCode> error;         // set: nothing was opened
    std::optional<Missing> missing;               // one of two families that were requested
    std::optional<stun::ReservationToken> token;  // for the reserved next higher port
  };
  // Opens the addresses for an Allocate request without a token. `account` gets the reservation.
  Opened open(const turn::AllocateRequest& wanted, const TurnSettings& settings, const std::string& account);
  // Opens a port that was reserved before.
  void open(std::unique_ptr<net::UdpReservation> port, const TurnSettings& settings);

  // Sets the lifetime of one family, or of both.
  void setExpiry(std::optional<stun::AddressFamily> family, Instant until);
  void close();  // all of them
  // Closes the addresses that have expired; calls `closed(v6)` for each.
  template <typename Closed>
  void expire(Instant now, Closed closed);

  // Null if there is none of this family.
  Relay* find(bool v6) const { return of(v6).relay.get(); }
  // The relay of this peer's family; null if there is none or it has expired.
  Relay* liveFor(const net::Address& peer, Instant now) const;
  bool has(stun::AddressFamily family) const;
  bool empty() const { return find(false) == nullptr && find(true) == nullptr; }
  // The latest and the earliest expiry of all relayed addresses; Instant{} and Instant::max() if there are
  // none.
  Instant latestExpiry() const;
  Instant earliestExpiry() const;
  // Calls `visit(relay, v6)` for each.
  template <typename Visit>
  void forEach(Visit visit) const;

  // Includes the sockets. Addresses that cannot be restored are missing afterwards.
  void archive(Archive& a, const TurnSettings& settings);

 private:
  struct RelayedAddress {
    std::unique_ptr<Relay> relay;
    Instant until{};
  };

  RelayedAddress& of(bool v6) { return v6 ? v6_ : v4_; }
  const RelayedAddress& of(bool v6) const { return v6 ? v6_ : v4_; }
  std::unique_ptr<Relay> openRelay(const net::Address& ip, const turn::AllocateRequest& wanted,
                                   const TurnSettings& settings, const std::string& account,
                                   std::optional<stun::ReservationToken>& token);
  std::unique_ptr<Relay> openOwn(std::unique_ptr<net::UdpReservation> port, const TurnSettings& settings);
  std::unique_ptr<Relay> adopt(const net::Address& address, int descriptor, bool shared,
                               const TurnSettings& settings);

  Context context_;
  StunWorker& worker_;
  RelayUser& user_;
  RelayedAddress v4_;
  RelayedAddress v6_;
};

template <typename Closed>
void RelayedAddresses::expire(Instant now, Closed closed) {
  for (const bool v6 : {false, true}) {
    RelayedAddress& relayed = of(v6);
    if (relayed.relay == nullptr || now < relayed.until) continue;
    relayed.relay.reset();
    closed(v6);
  }
}

template <typename Visit>
void RelayedAddresses::forEach(Visit visit) const {
  for (const bool v6 : {false, true}) {
    if (Relay* relay = find(v6)) visit(*relay, v6);
  }
}

}  // namespace sluice::stun_turn
