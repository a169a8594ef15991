// The parts of the process that a filter may use while its configuration is read.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "source/chain/position_sink.h"
#include "source/chain/process_state.h"
#include "source/credentials/source.h"
#include "source/net/address.h"
#include "source/net/address_map.h"
#include "source/rooms/directory.h"

namespace sluice::crypto {
class DtlsContext;
}

namespace sluice::chain {

struct Cluster {
  enum class Policy { kSourceHash, kRoundRobin };
  std::string name;
  std::vector<net::Address> endpoints;
  Policy policy = Policy::kSourceHash;
};

// References are valid for the call only, except the directory, the process state and the position sink.
struct FactoryContext {
  const std::map<std::string, std::shared_ptr<const Cluster>>& clusters;
  const std::set<net::Address>& machine;  // this machine's IP addresses, port 0
  rooms::Directory& directory;            // main thread only; outlives the factory
  ProcessState& process;                  // outlives the factory
  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::shared_ptr<const credentials::Source> credentials;  // never null
  std::shared_ptr<const net::AddressMap> nat;              // never null
  std::vector<net::Address> listener;                      // the listener's addresses as configured
  std::string base_path;                                   // base of relative paths
  PositionSink* positions = nullptr;                       // outlives the factory; null: no room is known
  // False for a preview (a dry run) of a configuration: then no code may be loaded, and none receives any
  // part of the configuration.
  bool may_run_code = true;
  // Sentences for the user that a factory adds. They are logged when the configuration takes effect.
  std::vector<std::string> warnings = {};
};

}  // namespace sluice::chain
