// A chain as configured: immutable, shared by all workers, matched by name across reloads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/chain/filter.h"
#include "source/net/address.h"
#include "source/stats/schema.h"

namespace sluice::chain {

struct FilterType;

struct FilterSpec {
  std::string name;                        // unique in its chain
  const FilterType* type;                  // lives as long as the process
  std::string config;                      // canonical bytes, to see whether a reload changed it
  FilterFactoryPtr factory;                // the same object across reloads while the config is equal
  std::vector<stats::FilterStats*> stats;  // by worker
};

struct ChainSpec {
  std::string name;
  std::vector<net::Prefix> source_prefixes;  // empty: any
  std::vector<uint16_t> local_ports;         // empty: any
  std::vector<FilterSpec> filters;           // outermost first
  bool authenticates = false;                // a filter of it authenticates peers

  bool matches(const net::Address& remote, const net::Address& local) const;
};

using ChainSpecPtr = std::shared_ptr<const ChainSpec>;

}  // namespace sluice::chain
