// The statistics of a filter type, declared once; there is one block of counters per filter and worker.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/stats/counter.h"
#include "source/stats/socket_stats.h"

namespace sluice::stats {

// "handshakes", "result", "ok" becomes sluice_<filter type>_handshakes_total{listener,filter,result="ok"}. A
// gauge, which also goes down, has no "_total".
struct CounterSpec {
  // The counter's meaning for the health of a chain version, for automatic rollback.
  enum class Health : uint8_t { kNothing, kSuccess, kFailure };

  std::string_view name;
  std::string_view help;
  std::string_view label{};  // optional
  std::string_view value{};
  Health health = Health::kNothing;
  bool gauge = false;
  bool operator==(const CounterSpec&) const = default;
};

// "delay" becomes sluice_<filter type>_delay_seconds{listener,filter}.
struct HistogramSpec {
  std::string_view name;
  std::string_view help;
  bool operator==(const HistogramSpec&) const = default;
};

// The enums of the declaring filter are the indexes. The strings live as long as the schema.
struct FilterSchema {
  std::span<const std::string_view> drops;  // reasons, e.g. "queue_full"
  std::span<const CounterSpec> counters;
  std::span<const HistogramSpec> histograms;
  bool sockets = false;  // the filter opens sockets, which count in FilterStats::sockets
};

inline bool operator==(const FilterSchema& a, const FilterSchema& b) {
  return std::ranges::equal(a.drops, b.drops) && std::ranges::equal(a.counters, b.counters) &&
         std::ranges::equal(a.histograms, b.histograms) && a.sockets == b.sockets;
}

// Packets through one filter in one direction.
struct Flow {
  Counter packets;
  Counter bytes;

  void count(size_t size) {
    packets.add();
    bytes.add(size);
  }
};

// Written by one worker. A counter that the worker never writes may be written by the main thread instead.
struct FilterStats {
  explicit FilterStats(const FilterSchema& schema)
      : drops(schema.drops.size()),
        counters(schema.counters.size()),
        histograms(schema.histograms.size()),
        sockets(schema.sockets ? std::make_unique<SocketStats>() : nullptr) {}

  Flow ingress;
  Flow egress;
  std::vector<Counter> drops;
  std::vector<Counter> counters;
  std::vector<Histogram> histograms;
  std::unique_ptr<SocketStats> sockets;  // null if the filter opens none
};

}  // namespace sluice::stats
