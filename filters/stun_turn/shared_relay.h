// Relayed addresses that several allocations of a worker share. A packet belongs to the allocation that
// claimed its peer, otherwise to the only one with a permission for the peer's address.
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
  explicit SharedRelays(chain::Worker& worker);
  ~SharedRelays();

  // At most `max_ports` ports of `ip` in [first, last].
  struct Range {
    net::Address ip;
    uint16_t first;
    uint16_t last;
    size_t max_ports;
    net::UdpStats& stats;  // of ports that are opened; outlives them
  };
  // Opens a relay on the least used port. Null if there is none.
  std::unique_ptr<Relay> open(const Range& range, const std::shared_ptr<TurnProcess>& process,
                              RelayUser& user);
  // Ensures that there is a shared port, in case ports run out later.
  void prepare(const Range& range, const std::shared_ptr<TurnProcess>& process);

  // Opens a relay on a port of another process, bound to `address`. The first relay of the port passes
  // `port`. Null if none has.
  std::unique_ptr<Relay> adopt(const net::Address& address, std::unique_ptr<net::UdpReservation> port,
                               uint16_t min_port, uint16_t max_port, net::UdpStats& stats,
                               std::shared_ptr<TurnProcess> process, RelayUser& user);

 private:
  friend class SharedPort;
  using Ports = std::vector<std::unique_ptr<SharedPort>>;
  void addTo(Ports& ports, const Range& range, const std::shared_ptr<TurnProcess>& process);
  chain::Worker& worker_;
  // Keyed by IP address and range; filters that agree on both share ports.
  std::map<std::tuple<net::Address, uint16_t, uint16_t>, Ports> ports_;
};

}  // namespace sluice::stun_turn
