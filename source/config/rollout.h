// Versions of a chain side by side: their shares, and when the newest one steps back by itself.
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
// Versions whose weight counts as 0, each with the filters that it had when it stepped back.
using SteppedBack = std::map<VersionName, std::string>;

// What tells whether a version has changed: its filters.
std::string contentOf(const sluice::ChainVersion& version);

// By version.
std::vector<uint32_t> weightsOf(const sluice::FilterChain& chain, const std::string& listener,
                                const SteppedBack& stepped_back);
// Where each version's share of all buckets ends; shares begin where the one before ends. All 0 without
// weights.
std::vector<uint32_t> endsOfShares(const std::vector<uint32_t>& weights);

// Those that are still in the file as they were.
SteppedBack stillSteppedBack(const SteppedBack& before, const sluice::Bootstrap& bootstrap);

struct StepBackRule {
  std::string listener;
  std::string chain;
  double factor = 2;
  Duration window = 60s;
  uint64_t min_packets = 1000;
  uint64_t min_handshakes = 10;
};

std::vector<StepBackRule> buildStepBack(const sluice::Bootstrap& bootstrap, Checks& checks);

}  // namespace sluice::config
