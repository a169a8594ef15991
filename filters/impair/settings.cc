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
    out.only_rtp = config_.only() == Impair::Direction::RTP;
    out.max_held = config_.max_held();
    Impairment::Config& line = out.line;
    if (config_.has_loss()) line.loss = loss(config_.loss());
    line.delay = std::chrono::milliseconds{config_.delay_ms()};
    line.duplicate = config_.duplicate_percent() / 100;
    line.corrupt = config_.corrupt_percent() / 100;
    line.reorder = config_.reorder().percent() / 100;
    line.reorder_by = std::chrono::milliseconds{config_.reorder().by_ms()};
    readJitter(line);
    readRate(line);
    return out;
  }

 private:
  void refuse(const char* field, std::string why) { errors_.push_back({path_ + field, std::move(why)}); }

  GilbertElliott loss(const Impair::Loss& config) {
    if (config.has_gilbert_elliott()) {
      if (config.has_percent() || config.has_mean_burst()) {
        refuse("loss.gilbert_elliott", "must not be set together with percent or mean_burst");
      }
      return gilbertElliott(config.gilbert_elliott());
    }
    const double lost = config.percent() / 100;
    if (!config.has_mean_burst()) return GilbertElliott::uniform(lost);
    const double burst = config.mean_burst();
    if (lost > burst / (burst + 1)) {
      refuse("loss.percent",
             "is more than bursts of this length can lose: 100 * mean_burst / (mean_burst + 1)");
    }
    return GilbertElliott::bursts(lost, burst);
  }

  GilbertElliott gilbertElliott(const Impair::Loss::GilbertElliott& config) {
    const double to_good = config.to_good_percent() / 100;
    if (to_good == 0) refuse("loss.gilbert_elliott.to_good_percent", "must be above 0");
    return {.to_bad = config.to_bad_percent() / 100,
            .to_good = to_good,
            .good_loss = config.good_loss_percent() / 100,
            .bad_loss = config.bad_loss_percent() / 100};
  }

  void readJitter(Impairment::Config& line) {
    const Impair::Jitter& jitter = config_.jitter();
    line.max_jitter = std::chrono::milliseconds{jitter.max_ms()};
    line.distribution = jitter.distribution() == Impair::Jitter::NORMAL       ? Distribution::kNormal
                        : jitter.distribution() == Impair::Jitter::HEAVY_TAIL ? Distribution::kHeavyTail
                                                                              : Distribution::kUniform;
    line.keep_order = jitter.keep_order();
  }

  void readRate(Impairment::Config& line) {
    if (!config_.has_rate()) return;
    if (!config_.rate().has_bps()) refuse("rate.bps", "is required");
    line.rate_bps = config_.rate().bps();
    line.max_queue = std::chrono::milliseconds{config_.rate().max_queue_ms()};
  }

  const Impair::Direction& config_;
  const std::string path_;
  Errors& errors_;
};

}  // namespace

Result<Settings> readSettings(const filters::Impair& config, chain::FactoryContext& context) {
  Settings out;
  Errors errors;
  if (config.has_ingress()) out.ingress = Reader(config.ingress(), "ingress.", errors).read();
  if (config.has_egress()) out.egress = Reader(config.egress(), "egress.", errors).read();
  if (config.has_seed()) out.seed = config.seed();
  if (!errors.empty()) return errors;
  context.warnings.emplace_back("impair is configured: it impairs packets on purpose");
  return out;
}

}  // namespace sluice::impair
