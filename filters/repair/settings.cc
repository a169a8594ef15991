#include "filters/repair/settings.h"

#include <bit>
#include <string>

namespace sluice::repair {
namespace {

// The value if it is set, else the default; out of range, an error and the default.
uint32_t take(bool has, uint32_t value, uint32_t low, uint32_t high, uint32_t otherwise, const char* path,
              Errors& errors) {
  if (!has) return otherwise;
  if (value >= low && value <= high) return value;
  errors.push_back({path, "must be " + std::to_string(low) + " to " + std::to_string(high)});
  return otherwise;
}

Settings::Uplink takeUplink(const filters::Repair::Uplink& config, Errors& errors) {
  Settings::Uplink uplink;
  if (config.has_nack()) uplink.nack = config.nack();
  if (config.has_red()) uplink.red = config.red();
  uplink.scheduler.budget = std::chrono::milliseconds{
      take(config.has_budget_ms(), config.budget_ms(), 20, 2000, 150, "uplink.budget_ms", errors)};
  uplink.scheduler.reordering = std::chrono::milliseconds{
      take(config.has_reordering_ms(), config.reordering_ms(), 0, 200, 10, "uplink.reordering_ms", errors)};
  uplink.scheduler.max_requests =
      take(config.has_max_requests(), config.max_requests(), 1, 10, 3, "uplink.max_requests", errors);
  uplink.listener_loss_percentile =
      take(config.has_listener_loss_percentile(), config.listener_loss_percentile(), 0, 100, 75,
           "uplink.listener_loss_percentile", errors);
  return uplink;
}

Settings::Downlink takeDownlink(const filters::Repair::Downlink& config, Errors& errors) {
  Settings::Downlink downlink;
  if (config.has_nack()) downlink.nack = config.nack();
  downlink.budget = std::chrono::milliseconds{
      take(config.has_budget_ms(), config.budget_ms(), 20, 2000, 200, "downlink.budget_ms", errors)};
  downlink.max_resends =
      take(config.has_max_resends(), config.max_resends(), 1, 10, 3, "downlink.max_resends", errors);
  if (!filters::Repair::Downlink::Redundancy_IsValid(config.redundancy())) {
    errors.push_back({"downlink.redundancy", "must be ADAPTIVE, NONE, ONE or TWO"});
  }
  downlink.redundancy = config.redundancy();
  if (!filters::Repair::Downlink::Preference_IsValid(config.prefer())) {
    errors.push_back({"downlink.prefer", "must be BYTES or DELAY"});
  }
  downlink.prefer = config.prefer();
  downlink.max_overhead = take(config.has_max_overhead_percent(), config.max_overhead_percent(), 1, 300, 35,
                               "downlink.max_overhead_percent", errors) /
                          100.0;
  downlink.max_red_overhead = take(config.has_max_red_overhead_percent(), config.max_red_overhead_percent(),
                                   1, 300, 230, "downlink.max_red_overhead_percent", errors) /
                              100.0;
  return downlink;
}

}  // namespace

size_t Settings::history() const {
  return std::bit_ceil(static_cast<size_t>(downlink.budget / 10ms) + 4);
}

Result<Settings> Settings::make(const filters::Repair& config) {
  Errors errors;
  Settings settings;
  settings.uplink = takeUplink(config.uplink(), errors);
  settings.downlink = takeDownlink(config.downlink(), errors);
  if (!errors.empty()) return errors;
  return settings;
}

}  // namespace sluice::repair
