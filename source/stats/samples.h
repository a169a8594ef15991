// A snapshot of all metrics, and its output formats.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/stats/counter.h"

namespace sluice::stats {

using Labels = std::vector<std::pair<std::string, std::string_view>>;

// A snapshot of one histogram, or the sum of several.
struct HistogramSample {
  std::array<uint64_t, Histogram::kBuckets> buckets{};
  uint64_t sum_ns = 0;

  void add(const Histogram& histogram) {
    for (unsigned i = 0; i < Histogram::kBuckets; ++i) buckets[i] += histogram.bucket(i);
    sum_ns += histogram.sumNs();
  }
};

// Samples of one name must be of one kind; the help text of the first one is used.
class Samples {
 public:
  Samples();
  ~Samples();
  Samples(const Samples&) = delete;
  Samples& operator=(const Samples&) = delete;

  void counter(std::string_view name, std::string_view help, const Labels& labels, double value);
  void gauge(std::string_view name, std::string_view help, const Labels& labels, double value);
  void histogram(std::string_view name, std::string_view help, const Labels& labels,
                 const HistogramSample& value);

  // Prometheus' text exposition format.
  std::string toPrometheus() const;
  // "name{label=value} value" lines, sorted; zero counters are left out unless `all`.
  std::string toText(bool all) const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace sluice::stats
