// One allocation of a TURN client (RFC 8656 section 3.2): its permissions and channels, its relayed addresses
// and its data. It ends with this object.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "filters/stun_turn/data_path.h"
#include "filters/stun_turn/peer_access.h"
#include "filters/stun_turn/relayed_addresses.h"
#include "filters/stun_turn/statistics.h"
#include "source/chain/filter.h"
#include "source/turn/allocation.h"
#include "source/turn/requests.h"

namespace sluice::stun_turn {

class AllocationSession {
 public:
  // Belongs to `user`, who took `place`; the destructor returns the place. `settings` must outlive this or be
  // replaced by reload(); the other references outlive this.
  AllocationSession(Context context, StunWorker& worker, const TurnSettings& settings, std::string user,
                    QuotaPlace place, RelayedBytes& bytes);
  ~AllocationSession();

  // Opens the relayed addresses. `reserved`: the port of the request's token, or null. On an error the
  // allocation is of no use.
  RelayedAddresses::Opened open(const turn::AllocateRequest& wanted,
                                std::unique_ptr<net::UdpReservation> reserved);
  void provision(Duration lifetime);
  // Sets the lifetime of one family's relayed address, or of all. A lifetime of zero ends it.
  void refresh(std::optional<stun::AddressFamily> family, Duration lifetime);
  // These return the error that refuses the request, or nothing after success. All permissions of a request
  // are installed, or none.
  std::optional<stun::ErrorCode> createPermissions(const stun::Message& request);
  std::optional<stun::ErrorCode> bindChannel(const turn::ChannelBindRequest& request);

  // False once the allocation has expired: then it has no effect, and the owner must end it.
  bool isLive() const { return allocation_.isLive(context_.now()); }
  Instant expires() const { return allocation_.expires(); }
  // Closes relayed addresses that have expired, and ends permissions that have expired or that the policy no
  // longer allows. Returns the time of the next call.
  Instant expire();

  DataPath& data() { return data_; }
  const std::string& user() const { return allocation_.user(); }
  const std::string& account() const { return place_.user; }
  const RelayedAddresses& relayed() const { return relayed_; }

  void reload(const TurnSettings& settings);
  // Archives everything but the user and the place. False if no relayed address could be restored.
  bool archive(Archive& a);
  void describe(chain::Description& out) const;

 private:
  void sweep();
  PeerAccess peers() const { return {context_.session(), worker_, *settings_}; }

  Context context_;
  StunWorker& worker_;
  const TurnSettings* settings_;
  const QuotaPlace place_;
  const RelayedBytes& bytes_;
  turn::Allocation allocation_;
  DataPath data_;
  RelayedAddresses relayed_;  // last: the relays call data_ until they are destroyed
};

}  // namespace sluice::stun_turn
