#include "filters/repair/settings.h"

#include <bit>

namespace sluice::repair {
namespace {

Settings::Uplink readUplink(const filters::Repair::Uplink& config) {
  return {.nack = config.nack(),
          .red = config.red(),
          .scheduler = {.budget = std::chrono::milliseconds{config.budget_ms()},
                        .reordering = std::chrono::milliseconds{config.reordering_ms()},
                        .max_requests = config.max_requests()},
          .listener_loss_percentile = config.listener_loss_percentile()};
}

Settings::Downlink readDownlink(const filters::Repair::Downlink& config) {
  return {.nack = config.nack(),
          .budget = std::chrono::milliseconds{config.budget_ms()},
          .max_resends = config.max_resends(),
          .redundancy = config.redundancy(),
          .prefer = config.prefer(),
          .max_overhead = config.max_overhead_percent() / 100.0,
          .max_red_overhead = config.max_red_overhead_percent() / 100.0};
}

}  // namespace

size_t Settings::history() const {
  return std::bit_ceil(static_cast<size_t>(downlink.budget / 10ms) + 4);
}

rooms::RepairFeatures Settings::repairFeatures() const {
  const bool nack = uplink.nack || downlink.nack;
  const bool red = downlink.redundancy != filters::Repair::Downlink::NONE;
  return {.feedback = {.nack = nack}, .rtx = nack, .red = red, .red_by_default = uplink.red};
}

Result<Settings> readSettings(const filters::Repair& config, chain::FactoryContext&) {
  return Settings{.uplink = readUplink(config.uplink()), .downlink = readDownlink(config.downlink())};
}

}  // namespace sluice::repair
