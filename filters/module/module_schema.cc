#include "filters/module/module_schema.h"

#include <algorithm>
#include <cstring>

#include "filters/module/statistics.h"

namespace sluice::module {
namespace {

bool isName(std::string_view text) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= ModuleSchema::kMaxNameBytes && text[0] >= 'a' && text[0] <= 'z' &&
         std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

Status ModuleSchema::add(const char* const* names, const char* list, std::vector<std::string_view>& out) {
  for (size_t i = 0; names != nullptr && names[i] != nullptr; ++i) {
    const std::string_view name(names[i], strnlen(names[i], kMaxNameBytes + 1));
    const std::string where = std::string("the module's ") + list + "[" + std::to_string(i) + "] ";
    if (i == kMaxNames)
      return Error{"", where + "is beyond the limit of " + std::to_string(kMaxNames) + " names"};
    if (!isName(name)) return Error{"", where + "must be a letter and up to 63 of a-z, 0-9 and _"};
    if (std::find(out.begin(), out.end(), name) != out.end()) {
      return Error{"", where + "'" + std::string(name) + "' is listed twice"};
    }
    out.push_back(names_.emplace_back(name));
  }
  return Done{};
}

Result<std::shared_ptr<const ModuleSchema>> ModuleSchema::make(const sluice_filter_api& filter) {
  auto out = std::make_shared<ModuleSchema>();
  const auto drops = kSchema.drops.specs();
  out->drops_.assign(drops.begin(), drops.end());
  if (Status status = out->add(filter.drops, "drops", out->drops_); !status.ok()) return status.errors();

  std::vector<std::string_view> counters;
  const auto common = kSchema.counters.specs();
  for (const stats::CounterSpec& spec : common) {
    if (counters.empty() || counters.back() != spec.name) counters.push_back(spec.name);
  }
  const auto own = static_cast<ptrdiff_t>(counters.size());
  if (Status status = out->add(filter.counters, "counters", counters); !status.ok()) return status.errors();
  out->counters_.assign(common.begin(), common.end());
  for (auto name = counters.begin() + own; name != counters.end(); ++name) {
    out->counters_.push_back({.name = *name, .help = "Counted by the module."});
  }

  std::vector<std::string_view> histograms;
  if (Status status = out->add(filter.histograms, "histograms", histograms); !status.ok())
    return status.errors();
  for (const std::string_view name : histograms) {
    out->histograms_.push_back({.name = name, .help = "Measured by the module."});
  }
  out->schema_ = {.drops = out->drops_, .counters = out->counters_, .histograms = out->histograms_};
  return std::shared_ptr<const ModuleSchema>(std::move(out));
}

}  // namespace sluice::module
