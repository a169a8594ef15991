#include "filters/opus/settings.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cassert>
#include <sstream>
#include <string>

namespace sluice::opus_filter {
namespace {

constexpr double kMaxFrames = media::JitterBuffer::kMaxFrames;
constexpr double kMaxDelayMs = media::PlayoutDelay::kMaxCeiling / 1ms;

// Reads numbers out of one message and collects what is wrong with them.
class Reader {
 public:
  Reader(const google::protobuf::Message& message, std::string path, Errors& errors)
      : message_(message), path_(std::move(path)), errors_(errors) {}

  // The field's value times `unit` when it is set and lies in [low, high].
  template <typename T>
  void take(const char* name, double low, double high, T& out, double unit = 1) {
    const auto* field = message_.GetDescriptor()->FindFieldByName(name);
    assert(field != nullptr);
    const auto& read = *message_.GetReflection();
    if (!read.HasField(message_, field)) return;
    const bool is_double = field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_DOUBLE;
    const double value = is_double ? read.GetDouble(message_, field) : read.GetUInt32(message_, field);
    if (value >= low && value <= high) {
      out = static_cast<T>(value * unit);
      return;
    }
    std::ostringstream text;
    text << "must be " << low << " to " << high;
    fail(name, text.str());
  }
  void takeMs(const char* name, double low, double high, Duration& out) {
    int64_t ms = out / 1ms;
    take(name, low, high, ms);
    out = std::chrono::milliseconds{ms};
  }
  void check(bool right, const char* name, const char* message) {
    if (!right) fail(name, message);
  }

 private:
  void fail(const char* name, const std::string& message) { errors_.push_back({path_ + name, message}); }

  const google::protobuf::Message& message_;
  const std::string path_;
  Errors& errors_;
};

void readBuffer(Reader read, media::JitterBuffer::Config& out) {
  read.take("min_frames", 4, kMaxFrames, out.min_frames);
  read.take("max_frames", 4, kMaxFrames, out.max_frames);
  read.check(out.min_frames <= out.max_frames, "max_frames", "must not be below min_frames");
  read.take("late_to_grow", 1, 100, out.late_to_grow);
  read.take("growth", 1.01, 10, out.growth);
  read.takeMs("calm_ms", 1000, 3'600'000, out.calm);
  read.take("shrink", 0.01, 0.99, out.shrink);
}

void readDelay(Reader read, media::PlayoutDelay::Config& out) {
  read.takeMs("floor_ms", 0, kMaxDelayMs, out.floor);
  read.takeMs("ceiling_ms", 0, kMaxDelayMs, out.ceiling);
  read.check(out.floor <= out.ceiling, "ceiling_ms", "must not be below floor_ms");
  read.takeMs("start_ms", 0, kMaxDelayMs, out.start);
  read.take("quantile", 0.5, 0.9999, out.quantile);
  read.take("forget", 0.9, 0.9999, out.forget);
}

void readAdaptation(Reader read, media::Adaptation::Config& out) {
  constexpr double kPercent = 0.01;
  read.take("rtt_high_ms", 1, 60'000, out.rtt_ms.high);
  read.take("rtt_low_ms", 1, 60'000, out.rtt_ms.low);
  read.check(out.rtt_ms.low <= out.rtt_ms.high, "rtt_low_ms", "must not exceed rtt_high_ms");
  read.take("loss_high_percent", 0, 100, out.loss.high, kPercent);
  read.take("loss_low_percent", 0, 100, out.loss.low, kPercent);
  read.check(out.loss.low <= out.loss.high, "loss_low_percent", "must not exceed loss_high_percent");
  read.take("busy_high_percent", 0, 100, out.busy.high, kPercent);
  read.take("busy_low_percent", 0, 100, out.busy.low, kPercent);
  read.check(out.busy.low <= out.busy.high, "busy_low_percent", "must not exceed busy_high_percent");
  read.takeMs("hold_ms", 0, 600'000, out.hold);
  read.take("bitrate_bps", 6000, 510'000, out.bitrate_bps);
  read.take("narrowband_bitrate_bps", 6000, 510'000, out.narrowband_bitrate_bps);
  read.take("fec_bitrate_bps", 6000, 510'000, out.fec_bitrate_bps);
}

StageSettings readStage(const filters::Opus::Stage& config, const std::string& path, Errors& errors) {
  Reader read(config, path, errors);
  StageSettings out;
  const int mode = config.mode();
  read.check(mode >= 0 && mode <= 2, "mode", "must be REORDER, CONCEAL or TRANSCODE");
  out.mode = static_cast<Mode>(mode);
  out.buffer.patient = out.mode == Mode::kReorder;
  readBuffer({config.jitter_buffer(), path + "jitter_buffer.", errors}, out.buffer);
  readDelay({config.playout_delay(), path + "playout_delay.", errors}, out.buffer.delay);
  readAdaptation({config.adaptation(), path + "adaptation.", errors}, out.adaptation);
  read.take("max_concealed_ms", 0, 1000, out.max_concealed, 48);
  read.take("max_streams", 1, 64, out.max_streams);
  return out;
}

}  // namespace

Result<Settings> readSettings(const filters::Opus& config) {
  Settings settings;
  Errors errors;
  Reader read(config, "", errors);
  if (config.has_ingress()) settings.ingress = readStage(config.ingress(), "ingress.", errors);
  if (config.has_egress()) settings.egress = readStage(config.egress(), "egress.", errors);
  read.check(config.has_ingress() || config.has_egress(), "ingress", "is missing, and so is egress");
  read.take("payload_type", 0, 127, settings.payload_type);
  if (!errors.empty()) return errors;
  return settings;
}

}  // namespace sluice::opus_filter
