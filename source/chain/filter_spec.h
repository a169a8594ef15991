// A chain as configured: immutable, shared by all workers, matched by name across reloads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/chain/filter.h"
#include "source/net/address.h"
#include "source/stats/counter.h"
#include "source/stats/schema.h"

namespace sluice::chain {

struct FilterType;

struct FilterSpec {
  std::string name;                        // unique in its chain
  const FilterType* type;                  // lives as long as the process
  std::string config;                      // canonical bytes, to detect changes at a reload
  FilterFactoryPtr factory;                // the same object across reloads while the configuration is equal
  std::vector<stats::FilterStats*> stats;  // by worker
};

// Written by one worker.
struct ChainStats {
  stats::Gauge sessions;
};

// One version of a configured chain; usually the only one. The versions under one name share all the buckets
// that sessions are spread over.
struct ChainSpec {
  static constexpr uint32_t kBuckets = 10'000;

  std::string name;
  std::string version;                       // empty: the only version
  uint32_t first_bucket = 0;                 // its buckets:
  uint32_t end_bucket = kBuckets;            // from first_bucket up to here, exclusive
  std::vector<ChainStats*> stats;            // by worker; empty in tests
  std::vector<net::Prefix> source_prefixes;  // empty: any
  std::vector<uint16_t> local_ports;         // empty: any
  std::vector<FilterSpec> filters;           // outermost first
  bool authenticates = false;                // one of its filters authenticates clients
  bool routes_voice = false;                 // one of its filters serves players of rooms

  bool matches(const net::Address& remote, const net::Address& local) const;
  bool serves(uint32_t bucket) const { return first_bucket <= bucket && bucket < end_bucket; }
};

using ChainSpecPtr = std::shared_ptr<const ChainSpec>;

}  // namespace sluice::chain
