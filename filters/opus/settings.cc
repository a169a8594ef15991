#include "filters/opus/settings.h"

#include <string>

#include "source/base/field_reader.h"
#include "source/media/adaptation_settings.h"

namespace sluice::opus_filter {
namespace {

constexpr double kMaxFrames = media::JitterBuffer::kMaxFrames;
constexpr double kMaxDelayMs = media::PlayoutDelay::kMaxCeiling / 1ms;

void readBuffer(FieldReader read, media::JitterBuffer::Config& out) {
  read.take("min_frames", 4, kMaxFrames, out.min_frames);
  read.take("max_frames", 4, kMaxFrames, out.max_frames);
  read.check(out.min_frames <= out.max_frames, "max_frames", "must not be below min_frames");
  read.take("late_to_grow", 1, 100, out.late_to_grow);
  read.take("growth", 1.01, 10, out.growth);
  read.takeMs("calm_ms", 1000, 3'600'000, out.calm);
  read.take("shrink", 0.01, 0.99, out.shrink);
}

void readDelay(FieldReader read, media::PlayoutDelay::Config& out) {
  read.takeMs("floor_ms", 0, kMaxDelayMs, out.floor);
  read.takeMs("ceiling_ms", 0, kMaxDelayMs, out.ceiling);
  read.check(out.floor <= out.ceiling, "ceiling_ms", "must not be below floor_ms");
  read.takeMs("start_ms", 0, kMaxDelayMs, out.start);
  read.take("quantile", 0.5, 0.9999, out.quantile);
  read.take("forget", 0.9, 0.9999, out.forget);
}

DirectionSettings readDirection(const filters::Opus::Stage& config, const std::string& path, Errors& errors) {
  FieldReader read(config, path, errors);
  DirectionSettings out;
  const int mode = config.mode();
  read.check(mode >= 0 && mode <= 2, "mode", "must be REORDER, CONCEAL or TRANSCODE");
  out.mode = static_cast<Mode>(mode);
  out.buffer.patient = out.mode == Mode::kReorder;
  readBuffer({config.jitter_buffer(), path + "jitter_buffer.", errors}, out.buffer);
  readDelay({config.playout_delay(), path + "playout_delay.", errors}, out.buffer.delay);
  media::readAdaptation({config.adaptation(), path + "adaptation.", errors}, out.adaptation);
  read.take("max_concealed_ms", 0, 1000, out.max_concealed, 48);
  read.take("max_streams", 1, 64, out.max_streams);
  return out;
}

}  // namespace

Result<Settings> readSettings(const filters::Opus& config) {
  Settings settings;
  Errors errors;
  FieldReader read(config, "", errors);
  if (config.has_ingress()) settings.ingress = readDirection(config.ingress(), "ingress.", errors);
  if (config.has_egress()) settings.egress = readDirection(config.egress(), "egress.", errors);
  read.check(config.has_ingress() || config.has_egress(), "ingress", "is required unless egress is set");
  read.take("payload_type", 0, 127, settings.payload_type);
  if (!errors.empty()) return errors;
  return settings;
}

}  // namespace sluice::opus_filter
