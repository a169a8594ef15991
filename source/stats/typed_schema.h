// The statistics of a filter type, tied to its enums at compile time: a row for each enumerator, in the
// enum's order.
//
//   enum class Drop { kOverRate };
//   enum class Count { kPassed };
//   constexpr stats::Schema<Drop, Count> kSchema{
//       .drops = {{Drop::kOverRate, "over_rate"}},
//       .counters = {{Count::kPassed, "passed", "Packets within the rate."}}};
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

#include "source/base/enum_size.h"
#include "source/stats/schema.h"

namespace sluice::stats {

// For a filter that has no drop reasons, counters or histograms.
enum class None {};

// A compiler's error message names these functions.
void aRowIsMissingOrSurplus();
void aRowIsOutOfOrder();

// One `Spec` for each enumerator of `Enum`. A missing row, a row too many or a row out of order does not
// compile.
template <typename Enum, typename Spec>
class Rows {
 public:
  // {enumerator, fields of the Spec in its order...}, or {enumerator, Spec}.
  struct Row {
    template <typename... Fields>
    consteval Row(Enum of, Fields... fields) : value(of), spec{fields...} {}
    consteval Row(Enum of, Spec described) : value(of), spec(described) {}
    Enum value;
    Spec spec;
  };

  consteval Rows() {
    if (kSize != 0) aRowIsMissingOrSurplus();
  }
  consteval Rows(std::initializer_list<Row> rows) {
    if (rows.size() != kSize) aRowIsMissingOrSurplus();
    size_t next = 0;
    for (const Row& row : rows) {
      if (static_cast<size_t>(row.value) != next) aRowIsOutOfOrder();
      specs_[next++] = row.spec;
    }
  }

  constexpr std::span<const Spec> specs() const { return {specs_.data(), kSize}; }
  constexpr const Spec& operator[](Enum value) const { return specs_[static_cast<size_t>(value)]; }

 private:
  static constexpr size_t kSize = kEnumSize<Enum>;
  std::array<Spec, kSize> specs_{};
};

template <typename DropEnum, typename CountEnum = None, typename RecordEnum = None>
struct Schema {
  using Drop = DropEnum;
  using Count = CountEnum;
  using Record = RecordEnum;

  Rows<Drop, std::string_view> drops{};  // reasons, e.g. "queue_full"
  Rows<Count, CounterSpec> counters{};
  Rows<Record, HistogramSpec> histograms{};
  bool sockets = false;  // the filter opens sockets, which count in FilterStats::sockets

  // For a schema that lives as long as the process.
  constexpr FilterSchema untyped() const {
    return {.drops = drops.specs(),
            .counters = counters.specs(),
            .histograms = histograms.specs(),
            .sockets = sockets};
  }
};

// A filter's statistics on one worker. `Schema` is the one that they were created with. A copy refers to the
// same statistics, which live as long as the process.
template <typename Schema>
class TypedStats {
 public:
  explicit TypedStats(FilterStats& stats) : stats_(&stats) {}

  Counter& drops(typename Schema::Drop reason) { return stats_->drops[static_cast<size_t>(reason)]; }
  Counter& counter(typename Schema::Count counter) { return stats_->counters[static_cast<size_t>(counter)]; }
  Histogram& histogram(typename Schema::Record histogram) {
    return stats_->histograms[static_cast<size_t>(histogram)];
  }
  // The schema must have `sockets` set.
  SocketStats& sockets() { return *stats_->sockets; }

 private:
  FilterStats* stats_;
};

}  // namespace sluice::stats
