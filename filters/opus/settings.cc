#include "filters/opus/settings.h"

#include <string>

#include "source/media/adaptation_settings.h"

namespace sluice::opus_filter {
namespace {

constexpr size_t kSamplesPerMs = 48;

media::JitterBuffer::Config readBuffer(const filters::Opus::Stage& config, const std::string& path,
                                       Errors& errors) {
  const filters::Opus::JitterBuffer& buffer = config.jitter_buffer();
  if (buffer.min_frames() > buffer.max_frames()) {
    errors.push_back({path + "jitter_buffer.max_frames", "must not be below min_frames"});
  }
  const filters::Opus::PlayoutDelay& delay = config.playout_delay();
  if (delay.floor_ms() > delay.ceiling_ms()) {
    errors.push_back({path + "playout_delay.ceiling_ms", "must not be below floor_ms"});
  }
  return {.min_frames = buffer.min_frames(),
          .max_frames = buffer.max_frames(),
          .late_to_grow = buffer.late_to_grow(),
          .growth = buffer.growth(),
          .calm = std::chrono::milliseconds{buffer.calm_ms()},
          .shrink = buffer.shrink(),
          .patient = config.mode() == filters::Opus::REORDER,
          .delay = {.floor = std::chrono::milliseconds{delay.floor_ms()},
                    .ceiling = std::chrono::milliseconds{delay.ceiling_ms()},
                    .quantile = delay.quantile(),
                    .forget = delay.forget(),
                    .start = std::chrono::milliseconds{delay.start_ms()}}};
}

DirectionSettings readDirection(const filters::Opus::Stage& config, const std::string& path, Errors& errors) {
  return {.mode = static_cast<Mode>(config.mode()),
          .buffer = readBuffer(config, path, errors),
          .adaptation = media::readAdaptation(config.adaptation(), path + "adaptation.", errors),
          .max_concealed = kSamplesPerMs * config.max_concealed_ms(),
          .max_streams = config.max_streams()};
}

}  // namespace

Result<Settings> readSettings(const filters::Opus& config, chain::FactoryContext&) {
  Settings settings;
  Errors errors;
  if (config.has_ingress()) settings.ingress = readDirection(config.ingress(), "ingress.", errors);
  if (config.has_egress()) settings.egress = readDirection(config.egress(), "egress.", errors);
  if (!config.has_ingress() && !config.has_egress()) {
    errors.push_back({"ingress", "is required unless egress is set"});
  }
  settings.payload_type = static_cast<uint8_t>(config.payload_type());
  if (!errors.empty()) return errors;
  return settings;
}

}  // namespace sluice::opus_filter
