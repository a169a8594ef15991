// The checked configuration of an impair filter.
#pragma once

#include <cstdint>
#include <optional>

#include "api/filters/impair.pb.h"
#include "filters/impair/impairment.h"
#include "source/base/result.h"
#include "source/chain/factory_context.h"

namespace sluice::impair {

struct DirectionSettings {
  Impairment::Config line{};
  bool only_rtp = false;
  size_t max_held = 0;  // 0: the direction is not configured, and nothing waits
};

struct Settings {
  DirectionSettings ingress{};
  DirectionSettings egress{};
  std::optional<uint64_t> seed = {};
};

Result<Settings> readSettings(const filters::Impair& config, chain::FactoryContext& context);

}  // namespace sluice::impair
