// Every counter of listeners and filters, by the names in the configuration. They outlive reloads: a filter
// that is configured again under its name continues its counters. Main thread only, except for the blocks,
// which workers write.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "source/chain/filter_type.h"
#include "source/runtime/generation.h"
#include "source/stats/samples.h"

namespace sluice::runtime {

class StatsStore {
 public:
  explicit StatsStore(unsigned workers) : workers_(workers) {}

  // One block per worker.
  std::vector<ListenerStats*> listener(const std::string& name);
  std::vector<chain::ChainStats*> chain(const std::string& listener, const std::string& chain,
                                        const std::string& version);
  // `schema` replaces the type's if not null.
  std::vector<stats::FilterStats*> filter(const std::string& listener, const std::string& chain,
                                          const std::string& version, const std::string& name,
                                          const chain::FilterType& type,
                                          std::shared_ptr<const stats::FilterSchema> schema);

  // Sums over workers.
  void collect(stats::Samples& out) const;

 private:
  struct Filter {
    std::string_view type;
    std::shared_ptr<const stats::FilterSchema> schema;
    std::deque<stats::FilterStats> blocks;
  };
  using ChainKey = std::tuple<std::string, std::string, std::string>;  // listener, chain, version
  using FilterKey = std::tuple<std::string, std::string, std::string, std::string>;  // and filter
  static stats::Labels labelsOf(const std::string& listener, const std::string& chain,
                                const std::string& version);

  static stats::Labels labelsOf(const FilterKey& key, std::string_view label, std::string_view value);
  static void collectSockets(const FilterKey& key, const std::deque<Filter>& kinds, stats::Samples& out);

  void collectListeners(stats::Samples& out) const;
  void collectChains(stats::Samples& out) const;
  void collectFilters(stats::Samples& out) const;
  void collectFilter(const FilterKey& key, const std::deque<Filter>& kinds, stats::Samples& out) const;

  const unsigned workers_;
  std::map<std::string, std::deque<ListenerStats>> listeners_;
  std::map<ChainKey, std::deque<chain::ChainStats>> chains_;
  std::map<FilterKey, std::deque<Filter>> filters_;  // the same name may have had several filter types
};

}  // namespace sluice::runtime
