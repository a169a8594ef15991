// The results of a run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/load/payload.h"

namespace sluice::load {

// Latencies in steps of 10 us up to one second; longer ones count in the last step, except for the maximum.
class LatencyHistogram {
 public:
  void record(Duration latency);
  void add(const LatencyHistogram& other);
  double quantileMs(double q) const;  // 0 when nothing was recorded
  double maxMs() const { return std::chrono::duration<double, std::milli>(max_).count(); }

 private:
  static constexpr size_t kSteps = 100'000;
  std::vector<uint32_t> steps_ = std::vector<uint32_t>(kSteps);
  uint64_t count_ = 0;
  Duration max_{};
};

// The packets that one player received from one speaker in the counted phase.
class SpeakerReception {
 public:
  enum class Verdict { kNew, kOutOfOrder, kDuplicate };
  Verdict onPacket(uint32_t sequence);

  uint64_t received() const { return received_; }
  // Number of packets from the first to the last received.
  uint64_t span() const { return received_ == 0 ? 0 : uint64_t{highest_} - first_ + 1; }

 private:
  std::vector<bool> seen_;
  uint64_t received_ = 0;
  uint32_t first_ = 0;
  uint32_t highest_ = 0;
};

struct Totals {
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t expected = 0;
  uint64_t out_of_order = 0;
  uint64_t duplicates = 0;
  uint64_t requested = 0;  // lost packets requested by NACK
  uint64_t integrity_errors = 0;
  uint64_t renderings = 0;        // received in the header extension
  uint64_t wrong_renderings = 0;  // of those
  unsigned connect_failures = 0;
  std::vector<double> connect_ms;
  LatencyHistogram latency;

  uint64_t lost() const { return expected > received ? expected - received : 0; }
  double lossPercent() const {
    return expected == 0 ? 0 : 100.0 * static_cast<double>(lost()) / static_cast<double>(expected);
  }
};

struct RunInfo {
  unsigned players = 0;
  unsigned speakers = 0;  // total in all rooms
  double seconds = 0;
  unsigned lossy = 0;
  bool walk = false;
};
// `lossy` covers the players on lossy lines, `totals` the others.
std::string toJson(const Totals& totals, const Totals& lossy, const RunInfo& run);
std::string toTable(const Totals& totals, const Totals& lossy, const RunInfo& run);

}  // namespace sluice::load
