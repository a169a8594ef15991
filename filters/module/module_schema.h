// The statistics of a module: those that every module has, then its own.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "api/filter_abi.h"
#include "source/base/result.h"
#include "source/stats/schema.h"

namespace sluice::module {

// Holds copies of the names, which outlive the code that they come from.
class ModuleSchema {
 public:
  static constexpr size_t kMaxNames = 64;  // of each list
  static constexpr size_t kMaxNameBytes = 64;

  // Errors have no path.
  static Result<std::shared_ptr<const ModuleSchema>> make(const sluice_filter_api& filter);

  const stats::FilterSchema& schema() const { return schema_; }

 private:
  Status add(const char* const* names, const char* list, std::vector<std::string_view>& out);

  std::deque<std::string> names_;
  std::vector<std::string_view> drops_;
  std::vector<stats::CounterSpec> counters_;
  std::vector<stats::HistogramSpec> histograms_;
  stats::FilterSchema schema_;
};

}  // namespace sluice::module
