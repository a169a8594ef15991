// Relayed addresses that several allocations of a worker share. What comes in belongs to the allocation that
// the peer was claimed for; else to the only one with a permission for its address.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "filters/stun_turn/relay.h"
#include "source/stats/schema.h"

namespace sluice::stun_turn {

class SharedPort;

// The shared ports of one worker and configured filter. Outlives its relays.
class SharedRelays {
 public:
  // `filter` counts what is lost.
  SharedRelays(chain::Worker& worker, net::UdpStats& udp, stats::FilterStats& filter);
  ~SharedRelays();

  // On the least used of at most `max` ports of `ip` in [min_port, max_port]. Null when there is none.
  std::unique_ptr<Relay> open(const net::Address& ip, uint16_t min_port, uint16_t max_port, size_t max,
                              std::shared_ptr<TurnProcess> process, RelayUser& user);

 private:
  friend class SharedPort;
  chain::Worker& worker_;
  net::UdpStats& udp_;
  stats::FilterStats& filter_;
  std::map<net::Address, std::vector<std::unique_ptr<SharedPort>>> ports_;  // by IP address
};

}  // namespace sluice::stun_turn
