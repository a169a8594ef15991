// The checked configuration of an opus filter.
#pragma once

#include <optional>

#include "api/filters/opus.pb.h"
#include "source/base/result.h"
#include "source/chain/factory_context.h"
#include "source/media/adaptation.h"
#include "source/media/jitter_buffer.h"

namespace sluice::opus_filter {

enum class Mode { kReorder, kConceal, kTranscode };  // in the order of the message's enum

struct DirectionSettings {
  Mode mode = Mode::kReorder;
  media::JitterBuffer::Config buffer{};
  media::Adaptation::Config adaptation{};
  size_t max_concealed = 0;  // samples
  size_t max_streams = 0;    // 0: 1 on ingress, and the number of the player's slots on egress
};

struct Settings {
  std::optional<DirectionSettings> ingress;
  std::optional<DirectionSettings> egress;
  uint8_t payload_type = 0;
};

Result<Settings> readSettings(const filters::Opus& config, chain::FactoryContext& context);

}  // namespace sluice::opus_filter
