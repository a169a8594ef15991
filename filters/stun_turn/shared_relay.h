// Relayed addresses that several allocations of a worker share. What comes in belongs to the allocation that
// the peer was claimed for; else to the only one with a permission for its address.
#pragma once

#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "filters/stun_turn/relay.h"

namespace sluice::stun_turn {

class SharedPort;

// The shared ports of one worker. Outlives its relays.
class SharedRelays {
 public:
  SharedRelays(chain::Worker& worker, net::UdpStats& stats);
  ~SharedRelays();

  // On the least used of at most `max` ports of `ip` in [min_port, max_port]. Null when there is none.
  std::unique_ptr<Relay> open(const net::Address& ip, uint16_t min_port, uint16_t max_port, size_t max,
                              std::shared_ptr<TurnProcess> process, RelayUser& user);

  // On the port of another process, bound to `address`: the first one brings it. Null when nobody did.
  std::unique_ptr<Relay> adopt(const net::Address& address, std::unique_ptr<net::UdpReservation> port,
                               uint16_t min_port, uint16_t max_port, std::shared_ptr<TurnProcess> process,
                               RelayUser& user);

 private:
  friend class SharedPort;
  chain::Worker& worker_;
  net::UdpStats& stats_;
  // By IP address and range; filters that agree on both share.
  std::map<std::tuple<net::Address, uint16_t, uint16_t>, std::vector<std::unique_ptr<SharedPort>>> ports_;
};

}  // namespace sluice::stun_turn
