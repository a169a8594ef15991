// Versions of a chain that run side by side: their shares, and the rule for rolling back the newest one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "api/config.pb.h"
#include "source/base/clock.h"

namespace sluice::config {

class Checks;

// Listener, chain, version.
using VersionName = std::tuple<std::string, std::string, std::string>;
// Versions that were rolled back, whose weight counts as 0, each with its filters at that time.
using RolledBack = std::map<VersionName, std::string>;

// Null if it is not in the configuration.
const sluice::ChainVersion* findVersion(const sluice::Bootstrap& bootstrap, const VersionName& name);
// The filters of a version; equal if it has not changed.
std::string contentOf(const sluice::ChainVersion& version);

// The weight of each version.
std::vector<uint32_t> weightsOf(const sluice::FilterChain& chain, const std::string& listener,
                                const RolledBack& rolled_back);
// The end of each version's share of all buckets; a share begins where the previous one ends. All 0 if there
// are no weights.
std::vector<uint32_t> endsOfShares(const std::vector<uint32_t>& weights);

// The entries of `before` whose versions are still in the file, unchanged.
RolledBack stillRolledBack(const RolledBack& before, const sluice::Bootstrap& bootstrap);

struct StepBackRule {
  std::string listener;
  std::string chain;
  double factor = 0;
  Duration window{};
  uint64_t min_packets = 0;
  uint64_t min_handshakes = 0;
};

// Expects the defaults of absent fields to be set.
std::vector<StepBackRule> buildStepBack(const sluice::Bootstrap& bootstrap, Checks& checks);

}  // namespace sluice::config
