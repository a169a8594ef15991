// The TURN part of a configured stun_turn filter: checked, immutable, shared by all workers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/filters/stun_turn.pb.h"
#include "filters/stun_turn/turn_process.h"
#include "source/chain/factory_context.h"
#include "source/turn/allocation.h"
#include "source/turn/long_term.h"
#include "source/turn/peer_policy.h"

namespace sluice::stun_turn {

struct TurnSettings {
  struct RelayIp {
    net::Address ip;         // port 0
    net::Address for_local;  // port 0; unset: for all
  };

  // Error paths are relative to the filter's configuration.
  static std::optional<TurnSettings> make(const filters::Turn& config, chain::FactoryContext& context,
                                          Errors& errors);

  // Compares the inputs other than the configuration: credentials, addresses and NAT.
  bool sameEnvironment(const TurnSettings& other) const {
    return credentials->sameAs(*other.credentials) && *nat == *other.nat && listener == other.listener &&
           peers.own() == other.peers.own();
  }

  // The IP address on which a client of `local` gets a relayed address of this family. Unset: none.
  net::Address relayIp(net::Address::Family family, const net::Address& local) const;
  // The lifetime for a client that requests `requested_s`.
  Duration lifetime(std::optional<uint32_t> requested_s, bool scarce) const;
  bool isScarce(size_t allocations) const { return 5 * allocations >= 4 * max_allocations; }

  std::shared_ptr<const turn::LongTerm> auth;
  std::shared_ptr<const credentials::Source> credentials;
  std::shared_ptr<const net::AddressMap> nat;
  std::shared_ptr<TurnProcess> process;
  std::vector<RelayIp> relay_ips;
  std::vector<net::Address> listener;  // the listener's addresses
  uint16_t min_port = 0;
  uint16_t max_port = 0;
  bool shared_ports = false;
  bool shared_when_short = false;  // of ports or descriptors
  size_t max_shared_ports = 0;
  Duration max_lifetime{};
  turn::PeerPolicy peers;
  size_t max_allocations = 0;
  size_t max_allocations_per_user = 0;
  double max_bandwidth_per_user = 0;  // bits per second; 0: no limit
  double max_bandwidth = 0;
  size_t max_peers_per_allocation = 0;
  uint16_t last_channel = turn::Allocation::kLastChannel;
  std::vector<net::Address> alternate_servers;
};

}  // namespace sluice::stun_turn
