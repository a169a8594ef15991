// Which peers one client may reach, and a peer's address as the client and as this machine know it. A cheap
// view of what it refers to.
#pragma once

#include "filters/stun_turn/stun_worker.h"
#include "filters/stun_turn/turn_settings.h"
#include "source/chain/session.h"

namespace sluice::stun_turn {

class PeerAccess {
 public:
  PeerAccess(const chain::Session& session, StunWorker& worker, const TurnSettings& settings)
      : session_(session), worker_(worker), settings_(settings) {}

  enum class Verdict {
    kDenied,
    kThisPort,  // a relay of this process or the client's own listener, at this port
    kAnyPort,   // by policy
  };
  // `peer`: a local address; port 0 asks for any port.
  Verdict judge(const net::Address& peer) const;

  // Translate a peer's address between the external one, which clients know, and the local one.
  net::Address toLocal(const net::Address& external) const;
  net::Address toExternal(const net::Address& local) const { return settings_.nat->toExternal(local); }

 private:
  const chain::Session& session_;
  StunWorker& worker_;
  const TurnSettings& settings_;
};

}  // namespace sluice::stun_turn
