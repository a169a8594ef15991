// The peers that one client may reach, and the translation of their addresses between external and local
// ones. A cheap view of the objects that it refers to.
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
  // `peer`: a local address; port 0: whether any port is allowed.
  Verdict evaluate(const net::Address& peer) const;

  // Translate a peer's address between the external one, which clients use, and the local one.
  net::Address toLocal(const net::Address& external) const;
  net::Address toExternal(const net::Address& local) const { return settings_.nat->toExternal(local); }

 private:
  const chain::Session& session_;
  StunWorker& worker_;
  const TurnSettings& settings_;
};

}  // namespace sluice::stun_turn
