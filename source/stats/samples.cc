#include "source/stats/samples.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iomanip>
#include <limits>
#include <map>
#include <sstream>

namespace sluice::stats {

struct Samples::Families {
  prometheus::ClientMetric& add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                const Labels& labels) {
    auto [it, fresh] = by_name.try_emplace(std::string(name));
    prometheus::MetricFamily& family = it->second;
    if (fresh) {
      family.name = name;
      family.help = help;
      family.type = type;
    }
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [key, value] : labels) metric.label.push_back({key, std::string(value)});
    return metric;
  }

  std::map<std::string, prometheus::MetricFamily, std::less<>> by_name;
};

Samples::Samples() : families_(std::make_unique<Families>()) {}
Samples::~Samples() = default;

void Samples::counter(std::string_view name, std::string_view help, const Labels& labels, double value) {
  families_->add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void Samples::gauge(std::string_view name, std::string_view help, const Labels& labels, double value) {
  families_->add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Samples::histogram(std::string_view name, std::string_view help, const Labels& labels,
                        const HistogramSample& value) {
  auto& histogram = families_->add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  uint64_t cumulative = 0;
  for (unsigned i = 0; i < Histogram::kBuckets; ++i) {
    cumulative += value.buckets[i];
    const bool last = i + 1 == Histogram::kBuckets;
    const double bound = last ? std::numeric_limits<double>::infinity()
                              : std::chrono::duration<double>(Histogram::bound(i)).count();
    histogram.bucket.push_back({cumulative, bound});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = static_cast<double>(value.sum_ns) / 1e9;
}

std::string Samples::toPrometheus() const {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& [name, family] : families_->by_name) families.push_back(family);
  return prometheus::TextSerializer().Serialize(families);
}

std::string Samples::toText(bool all) const {
  std::ostringstream out;
  for (const auto& [name, family] : families_->by_name) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      const bool histogram = family.type == prometheus::MetricType::Histogram;
      const double value = histogram                                        ? metric.histogram.sample_sum
                           : family.type == prometheus::MetricType::Counter ? metric.counter.value
                                                                            : metric.gauge.value;
      if (!all && value == 0) continue;
      out << name << '{';
      const char* separator = "";
      for (const auto& label : metric.label) {
        out << separator << label.name << '=' << label.value;
        separator = ",";
      }
      out << "} ";
      if (histogram) {
        out << std::setprecision(6) << "count=" << metric.histogram.sample_count
            << " mean=" << value / static_cast<double>(std::max<uint64_t>(1, metric.histogram.sample_count))
            << "s\n";
      } else {
        out << std::fixed
            << (value == static_cast<double>(static_cast<int64_t>(value)) ? std::setprecision(0)
                                                                          : std::setprecision(4))
            << value << '\n'
            << std::defaultfloat;
      }
    }
  }
  return out.str();
}

}  // namespace sluice::stats
