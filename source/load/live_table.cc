#include "source/load/live_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::load {

void LiveTable::show(const Totals& totals, size_t connected, size_t players) {
  const uint64_t sent = totals.sent - sent_before_;
  const uint64_t received = totals.received - received_before_;
  sent_before_ = totals.sent;
  received_before_ = totals.received;
  const double p50 = totals.latency.quantileMs(0.5);
  const double p99 = totals.latency.quantileMs(0.99);
  if (!terminal_) {
    fmt::print(
        out_,
        "connected {}/{} sent {} (+{}) received {} (+{}) integrity errors {} p50 {:.2f} ms p99 {:.2f} ms\n",
        connected, players, totals.sent, sent, totals.received, received, totals.integrity_errors, p50, p99);
  } else {
    const std::string table = fmt::format(
        "{:<22}{:>12}{:>14}\n"
        "{:<22}{:>12}\n"
        "{:<22}{:>12}{:>14}\n"
        "{:<22}{:>12}{:>14}\n"
        "{:<22}{:>12}\n"
        "{:<22}{:>12}\n"
        "{:<22}{:>9.2f} ms\n"
        "{:<22}{:>9.2f} ms\n",
        "", "total", "last second", "connected", fmt::format("{}/{}", connected, players), "packets sent",
        totals.sent, sent, "packets received", totals.received, received, "out of order", totals.out_of_order,
        "integrity errors", totals.integrity_errors, "one-way latency p50", p50, "one-way latency p99", p99);
    if (drawn_ > 0) fmt::print(out_, "\033[{}A\033[J", drawn_);
    fmt::print(out_, "{}", table);
    drawn_ = static_cast<unsigned>(std::count(table.begin(), table.end(), '\n'));
  }
  std::fflush(out_);
}

}  // namespace sluice::load
