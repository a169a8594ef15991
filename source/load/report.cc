#include "source/load/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::load {
namespace {

constexpr Duration kStep = 10us;
constexpr uint32_t kMaxSequence = 1 << 24;  // hours of voice; only a corrupt packet exceeds it

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(q * static_cast<double>(values.size())))];
}

}  // namespace

void LatencyHistogram::record(Duration latency) {
  const auto step = std::clamp<int64_t>(latency / kStep, 0, kSteps - 1);
  ++steps_[static_cast<size_t>(step)];
  ++count_;
  max_ = std::max(max_, latency);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (size_t i = 0; i < kSteps; ++i) steps_[i] += other.steps_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

double LatencyHistogram::quantileMs(double q) const {
  const auto wanted = static_cast<uint64_t>(q * static_cast<double>(count_));
  uint64_t passed = 0;
  for (size_t i = 0; i < kSteps; ++i) {
    passed += steps_[i];
    if (passed > wanted)
      return static_cast<double>(i + 1) * std::chrono::duration<double, std::milli>(kStep).count();
  }
  return maxMs();
}

SpeakerReception::Verdict SpeakerReception::onPacket(uint32_t sequence) {
  if (sequence > kMaxSequence) return Verdict::kDuplicate;
  if (sequence >= seen_.size()) seen_.resize(std::max<size_t>(sequence + 1, seen_.size() * 2));
  if (seen_[sequence]) return Verdict::kDuplicate;
  seen_[sequence] = true;
  const bool first = received_++ == 0;
  if (first || sequence < first_) first_ = sequence;
  if (!first && sequence < highest_) return Verdict::kOutOfOrder;
  highest_ = sequence;
  return Verdict::kNew;
}

namespace {

nlohmann::ordered_json latencyJson(const LatencyHistogram& latency) {
  return {{"p50", latency.quantileMs(0.5)},
          {"p99", latency.quantileMs(0.99)},
          {"p99_9", latency.quantileMs(0.999)},
          {"max", latency.maxMs()}};
}

std::string latencyText(const LatencyHistogram& latency) {
  return fmt::format("p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms, max {:.2f} ms", latency.quantileMs(0.5),
                     latency.quantileMs(0.99), latency.quantileMs(0.999), latency.maxMs());
}

}  // namespace

std::string toJson(const Totals& totals, const Totals& lossy, const RunInfo& run) {
  nlohmann::ordered_json json{
      {"players", run.players},
      {"talkers", run.speakers},
      {"seconds", run.seconds},
      {"packets_sent", totals.sent},
      {"packets_received", totals.received},
      {"packets_expected", totals.expected},
      {"packets_lost", totals.lost()},
      {"loss_percent", totals.lossPercent()},
      {"out_of_order", totals.out_of_order},
      {"duplicates", totals.duplicates},
      {"integrity_errors", totals.integrity_errors},
      {"connect_failures", totals.connect_failures},
      {"connect_ms", {{"p50", quantile(totals.connect_ms, 0.5)}, {"max", quantile(totals.connect_ms, 1)}}},
      {"latency_ms", latencyJson(totals.latency)}};
  if (run.walk) json["renderings"] = {{"received", totals.renderings}, {"wrong", totals.wrong_renderings}};
  if (run.lossy > 0) {
    json["lossy"] = {{"players", run.lossy},
                     {"packets_received", lossy.received},
                     {"packets_expected", lossy.expected},
                     {"loss_percent", lossy.lossPercent()},
                     {"packets_asked", lossy.requested},
                     {"duplicates", lossy.duplicates},
                     {"integrity_errors", lossy.integrity_errors},
                     {"latency_ms", latencyJson(lossy.latency)}};
  }
  return json.dump(2);
}

std::string toTable(const Totals& totals, const Totals& lossy, const RunInfo& run) {
  std::string table = fmt::format(
      "players           {} ({} talking)\n"
      "packets sent      {}\n"
      "packets received  {} of {} expected\n"
      "packets lost      {} ({:.4f} %)\n"
      "out of order      {}\n"
      "duplicates        {}\n"
      "integrity errors  {}\n"
      "connect failures  {}\n"
      "connect time      p50 {:.1f} ms, max {:.1f} ms\n"
      "one-way latency   {}\n",
      run.players, run.speakers, totals.sent, totals.received, totals.expected, totals.lost(),
      totals.lossPercent(), totals.out_of_order, totals.duplicates, totals.integrity_errors,
      totals.connect_failures, quantile(totals.connect_ms, 0.5), quantile(totals.connect_ms, 1),
      latencyText(totals.latency));
  if (run.walk) {
    table += fmt::format("renderings        {}, {} wrong\n", totals.renderings, totals.wrong_renderings);
  }
  if (run.lossy > 0) {
    table += fmt::format(
        "on lossy lines    {} players: {} of {} packets received, {} requested\n                  {}\n",
        run.lossy, lossy.received, lossy.expected, lossy.requested, latencyText(lossy.latency));
  }
  return table;
}

}  // namespace sluice::load
