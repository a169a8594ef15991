#include "source/config/rollout.h"

#include <numeric>

#include "source/chain/filter_spec.h"
#include "source/config/checks.h"

namespace sluice::config {

const sluice::ChainVersion* findVersion(const sluice::Bootstrap& bootstrap, const VersionName& name) {
  const auto& [listener_name, chain_name, version_name] = name;
  for (const sluice::Listener& listener : bootstrap.listeners()) {
    for (const sluice::FilterChain& chain : listener.filter_chains()) {
      if (listener.name() != listener_name || chain.name() != chain_name) continue;
      for (const sluice::ChainVersion& version : chain.versions()) {
        if (version.name() == version_name) return &version;
      }
    }
  }
  return nullptr;
}

std::string contentOf(const sluice::ChainVersion& version) {
  sluice::ChainVersion filters;
  *filters.mutable_filters() = version.filters();
  return filters.SerializeAsString();
}

std::vector<uint32_t> weightsOf(const sluice::FilterChain& chain, const std::string& listener,
                                const RolledBack& rolled_back) {
  std::vector<uint32_t> weights;
  for (const sluice::ChainVersion& version : chain.versions()) {
    const auto known = rolled_back.find({listener, chain.name(), version.name()});
    const bool back = known != rolled_back.end() && known->second == contentOf(version);
    weights.push_back(back ? 0 : version.weight());
  }
  return weights;
}

std::vector<uint32_t> endsOfShares(const std::vector<uint32_t>& weights) {
  const uint64_t sum = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  std::vector<uint32_t> ends;
  uint64_t until = 0;
  for (const uint32_t weight : weights) {
    until += weight;
    ends.push_back(sum == 0 ? 0 : static_cast<uint32_t>(until * chain::ChainSpec::kBuckets / sum));
  }
  return ends;
}

RolledBack stillRolledBack(const RolledBack& before, const sluice::Bootstrap& bootstrap) {
  RolledBack still;
  for (const auto& [name, content] : before) {
    const sluice::ChainVersion* version = findVersion(bootstrap, name);
    if (version != nullptr && contentOf(*version) == content) still.emplace(name, content);
  }
  return still;
}

std::vector<StepBackRule> buildStepBack(const sluice::Bootstrap& bootstrap, Checks& checks) {
  std::vector<StepBackRule> rules;
  for (int i = 0; i < bootstrap.listeners_size(); ++i) {
    const sluice::Listener& listener = bootstrap.listeners(i);
    for (int j = 0; j < listener.filter_chains_size(); ++j) {
      const sluice::FilterChain& chain = listener.filter_chains(j);
      if (!chain.has_step_back()) continue;
      const std::string path = indexed(indexed("listeners", i) + ".filter_chains", j) + ".step_back";
      if (chain.versions_size() < 2) checks.fail(path, "needs at least two versions to compare");
      const sluice::StepBack& config = chain.step_back();
      rules.push_back({.listener = listener.name(),
                       .chain = chain.name(),
                       .factor = config.factor(),
                       .window = std::chrono::seconds{config.window_s()},
                       .min_packets = config.min_packets(),
                       .min_handshakes = config.min_handshakes()});
    }
  }
  return rules;
}

}  // namespace sluice::config
