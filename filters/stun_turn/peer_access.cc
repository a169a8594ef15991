#include "filters/stun_turn/peer_access.h"

namespace sluice::stun_turn {

PeerAccess::Verdict PeerAccess::evaluate(const net::Address& peer) const {
  if (settings_.peers.permits(peer)) return Verdict::kAnyPort;
  if (peer.port() == 0 || peer.isWildcard()) return Verdict::kDenied;
  if (peer.isLoopback() && !session_.local().isLoopback()) return Verdict::kDenied;
  const net::Hairpin& hairpin = worker_.worker().hairpin();
  const void* listener = hairpin.groupOf(session_.local());
  const bool own_listener = listener != nullptr && hairpin.groupOf(peer) == listener;
  return own_listener || settings_.process->isRelay(peer) ? Verdict::kThisPort : Verdict::kDenied;
}

net::Address PeerAccess::toLocal(const net::Address& external) const {
  return settings_.nat->toLocal(external, [this](const net::Address& local) {
    return settings_.process->isRelay(local) || worker_.worker().hairpin().has(local);
  });
}

}  // namespace sluice::stun_turn
