#include "filters/impair/settings.h"

#include <string>

namespace sluice::impair {
namespace {

using filters::Impair;

// Reads one direction's fields; `path` is the prefix of error paths.
class Reader {
 public:
  Reader(const Impair::Direction& config, std::string path, Errors& errors)
      : config_(config), path_(std::move(path)), errors_(errors) {}

  DirectionSettings read() {
    DirectionSettings out;
    if (!Impair::Direction::Only_IsValid(config_.only())) refuse("only", "is not a known value");
    out.only_rtp = config_.only() == Impair::Direction::RTP;
    out.max_held = config_.has_max_held() ? whole(config_.max_held(), 1, 65'536, "max_held") : 1024;
    Impairment::Config& line = out.line;
    if (config_.has_loss()) line.loss = loss(config_.loss());
    line.delay = ms(config_.delay_ms(), 0, "delay_ms");
    line.duplicate = share(config_.duplicate_percent(), "duplicate_percent");
    line.corrupt = share(config_.corrupt_percent(), "corrupt_percent");
    line.reorder = share(config_.reorder().percent(), "reorder.percent");
    if (config_.reorder().has_by_ms()) line.reorder_by = ms(config_.reorder().by_ms(), 1, "reorder.by_ms");
    readJitter(line);
    readRate(line);
    return out;
  }

 private:
  void refuse(const char* field, std::string why) { errors_.push_back({path_ + field, std::move(why)}); }

  uint64_t whole(uint64_t value, uint64_t low, uint64_t high, const char* field) {
    if (value < low || value > high) {
      refuse(field, "must be " + std::to_string(low) + " to " + std::to_string(high));
    }
    return value;
  }
  Duration ms(uint64_t value, uint64_t low, const char* field) {
    return std::chrono::milliseconds{whole(value, low, 10'000, field)};
  }
  double share(double percent, const char* field) {
    if (!(percent >= 0 && percent <= 100)) refuse(field, "must be 0 to 100");
    return percent / 100;
  }

  GilbertElliott loss(const Impair::Loss& config) {
    if (config.has_gilbert_elliott()) {
      if (config.has_percent() || config.has_mean_burst()) {
        refuse("loss.gilbert_elliott", "must not be set together with percent or mean_burst");
      }
      return gilbertElliott(config.gilbert_elliott());
    }
    const double lost = share(config.percent(), "loss.percent");
    if (!config.has_mean_burst()) return GilbertElliott::uniform(lost);
    const double burst = config.mean_burst();
    if (!(burst >= 1 && burst <= 1000)) {
      refuse("loss.mean_burst", "must be 1 to 1000");
    } else if (lost > burst / (burst + 1)) {
      refuse("loss.percent",
             "is more than bursts of this length can lose: 100 * mean_burst / (mean_burst + 1)");
    }
    return GilbertElliott::bursts(lost, burst);
  }

  GilbertElliott gilbertElliott(const Impair::Loss::GilbertElliott& config) {
    GilbertElliott out;
    out.to_bad = share(config.to_bad_percent(), "loss.gilbert_elliott.to_bad_percent");
    out.to_good = share(config.to_good_percent(), "loss.gilbert_elliott.to_good_percent");
    if (out.to_good == 0) refuse("loss.gilbert_elliott.to_good_percent", "must be above 0");
    out.good_loss = share(config.good_loss_percent(), "loss.gilbert_elliott.good_loss_percent");
    if (config.has_bad_loss_percent()) {
      out.bad_loss = share(config.bad_loss_percent(), "loss.gilbert_elliott.bad_loss_percent");
    }
    return out;
  }

  void readJitter(Impairment::Config& line) {
    const Impair::Jitter& jitter = config_.jitter();
    line.max_jitter = ms(jitter.max_ms(), 0, "jitter.max_ms");
    if (!Impair::Jitter::Distribution_IsValid(jitter.distribution())) {
      refuse("jitter.distribution", "is not a known value");
    }
    line.distribution = jitter.distribution() == Impair::Jitter::NORMAL       ? Distribution::kNormal
                        : jitter.distribution() == Impair::Jitter::HEAVY_TAIL ? Distribution::kHeavyTail
                                                                              : Distribution::kUniform;
    line.keep_order = jitter.keep_order();
  }

  void readRate(Impairment::Config& line) {
    if (!config_.has_rate()) return;
    line.rate_bps = whole(config_.rate().bps(), 1000, 1'000'000'000, "rate.bps");
    if (config_.rate().has_max_queue_ms()) {
      line.max_queue = ms(config_.rate().max_queue_ms(), 1, "rate.max_queue_ms");
    }
  }

  const Impair::Direction& config_;
  const std::string path_;
  Errors& errors_;
};

}  // namespace

Result<Settings> Settings::make(const filters::Impair& config) {
  Settings out;
  Errors errors;
  if (config.has_ingress()) out.ingress = Reader(config.ingress(), "ingress.", errors).read();
  if (config.has_egress()) out.egress = Reader(config.egress(), "egress.", errors).read();
  if (config.has_seed()) out.seed = config.seed();
  if (!errors.empty()) return errors;
  return out;
}

}  // namespace sluice::impair
